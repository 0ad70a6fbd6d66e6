"""What is measured: the published detector with the weights of the goldens, and frames that move a little."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from golden_inputs import make_image, make_ref
from golden_model import official_config, official_state
from torch import Tensor

from clab_lite.data.transforms import pad_to_multiple
from clab_lite.detector import FrameMemory, VideoDetector
from clab_lite.interop import from_mmtracking

SMALL, FULL = (320, 480), (600, 1000)
"""Frame sizes (height, width): that of the official code's timings, and that of the paper."""


@dataclass(frozen=True)
class Case:
    """One setting: a published detector, and how much it looks at."""

    architecture: str = "r50"
    size: tuple[int, int] = SMALL
    references: int = 14
    proposals: int = 300

    def detector(self) -> VideoDetector:
        """In eval mode."""
        config = official_config(self.architecture)
        test = replace(config.rpn.test_proposals, after_nms=self.proposals)
        detector = VideoDetector(replace(config, rpn=replace(config.rpn, test_proposals=test)))
        detector.load_state_dict(from_mmtracking({"state_dict": official_state(self.architecture)}))
        return detector.eval()

    def frames(self) -> list[Tensor]:
        """The key frame and its reference frames, padded, (3, H, W) each."""
        return [pad_to_multiple(torch.from_numpy(frame)) for frame in _moving(self.size, 1 + self.references)]

    def remember(self, detector: VideoDetector, frames: list[Tensor]) -> FrameMemory:
        """The reference frames' memory."""
        return FrameMemory.join([detector.remember(frame[None], [self.size]) for frame in frames[1:]])


def training_batch(clips: int, references: int, size: tuple[int, int]) -> tuple[Tensor, list[dict[str, Any]]]:
    """Clips (B, 1+T, 3, H, W) with two objects in each key frame."""
    frames = torch.stack([torch.from_numpy(frame) for frame in _moving(size, clips * (1 + references))])
    height, width = size
    boxes = torch.tensor([(0.1, 0.2, 0.5, 0.7), (0.4, 0.3, 0.9, 0.9)]) * torch.tensor([width, height] * 2)
    target = {"boxes": boxes, "labels": torch.tensor([3, 17]), "image_size": size}
    return frames.unflatten(0, (clips, 1 + references)), [dict(target) for _ in range(clips)]


def _moving(size: tuple[int, int], count: int) -> list[Any]:
    key = make_image(1, *size)
    return [key, *(make_ref(key, number, 2 * number, 3 * number) for number in range(1, count))]
