"""A detector that knows every frame of a dataset when it sees it, in any order. For tests, also in a killed process.

usage: recalling_detector.py DATASET STORE FRAMES      evaluates, and kills its process (SIGKILL) after so many frames
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clab_lite.config import DetectorConfig, FrameConfig
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.memory import FrameMemory
from clab_lite.evaluate import evaluate
from clab_lite.frames import load_frame


class RecallingDetector(nn.Module):
    """Answers with the ground truth of the frame it is shown; `seen` holds (video, frame) in the order of detection."""

    def __init__(self, index: VideoIndex, weight: float = 0.0, dies_after: int | None = None) -> None:
        super().__init__()
        self.config = DetectorConfig(num_classes=len(index.class_names), frame=FrameConfig(90, 66))
        self.weight = nn.Parameter(torch.tensor(weight))
        self.index, self.dies_after = index, dies_after
        self.seen: list[tuple[int, int]] = []
        places = [(v, f) for v, video in enumerate(index.videos) for f in range(video.frame_count)]
        self._places = {self._look(*place): place for place in places}
        assert len(self._places) == len(places), "two frames look the same"

    def _look(self, video: int, frame: int) -> bytes:
        prepared = load_frame(self.index, video, frame, self.config.frame, torch.device("cpu"))
        return prepared.pixels.numpy().tobytes()

    def remember(self, frames: Tensor, image_sizes: Sequence[tuple[int, int]]) -> FrameMemory:
        videos = [self._places[frame.numpy().tobytes()] for frame in frames]
        return FrameMemory(torch.tensor(videos).reshape(-1, 2, 1, 1), [torch.zeros(0, 4)] * len(frames), [])

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[tuple[int, int]],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        return [self._answer(*place, memory) for place in own.features.flatten(1).tolist()]

    def _answer(self, video: int, number: int, memory: FrameMemory) -> dict[str, Tensor]:
        if len(self.seen) == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        assert set(memory.features[:, 0].flatten().tolist()) == {video}
        self.seen.append((video, number))
        truth = self.index.annotation(video, number)
        return {
            "boxes": torch.from_numpy(truth.boxes),
            "scores": torch.full((len(truth.labels),), 0.9),
            "labels": torch.from_numpy(truth.labels),
        }


if __name__ == "__main__":
    dataset = open_dataset(sys.argv[1], "val", cache=False, progress=False)
    evaluate(RecallingDetector(dataset, dies_after=int(sys.argv[3])), dataset, store=sys.argv[2], progress=False)
