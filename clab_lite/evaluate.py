"""Run a detector over every frame of a dataset and score it: COCO AP50 and AP50:95, per class and by trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from clab_lite.config import DataConfig
from clab_lite.data.references import adaptive_references
from clab_lite.data.transforms import TransformConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.memory import FrameMemory
from clab_lite.evaluation_report import ANY_TROUBLE, CLEAN, EvaluationReport, Scores
from clab_lite.frames import PreparedFrame, device_of, load_ahead, load_frame
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import AREA_RANGES, evaluate_coco

__all__ = ["Detector", "EvaluationReport", "FrameDetections", "detect_dataset", "evaluate", "score_detections"]


class Detector(Protocol):
    """What evaluation needs of a detector; `VideoDetector` has it."""

    def remember(self, frames: Tensor, image_sizes: Sequence[tuple[int, int]]) -> FrameMemory: ...

    def detect(
        self, frame: Tensor, memory: FrameMemory, image_size: tuple[int, int], scale: tuple[float, float]
    ) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class FrameDetections:
    """What was found in one frame: D boxes, best first, on the CPU.

    boxes: (D, 4) float32 xyxy pixels of the original frame. scores: (D,) float32. labels: (D,) int64.
    """

    video: int
    frame: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


def evaluate(
    detector: nn.Module,
    index: VideoIndex,
    *,
    transform: TransformConfig | None = None,
    references: int = 14,
    device: str | torch.device | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    progress: bool = True,
) -> EvaluationReport:
    """Score a detector on every frame of every video. Arguments as in `detect_dataset`."""
    found = detect_dataset(
        detector,
        index,
        transform=transform,
        references=references,
        device=device,
        precision=precision,
        progress=progress,
    )
    return score_detections(index, found)


def detect_dataset(
    detector: nn.Module,
    index: VideoIndex,
    *,
    transform: TransformConfig | None = None,
    references: int = 14,
    device: str | torch.device | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    progress: bool = True,
) -> Iterator[FrameDetections]:
    """Detections of every frame, video after video.

    Each video is remembered once, by `references` frames spread evenly over it (the official test mode).

    Args:
        detector: has `remember` and `detect` (see `Detector`); computes in eval mode, and is given back in
            its own mode.
        index: the videos.
        transform: frame size, `long_side` x `short_side` pixels; None is the official 1000 x 600. Give the
            size of training.
        references: reference frames per video.
        device: where to compute; None stays where the detector's weights are.
        precision: "bfloat16" computes under autocast.
        progress: show a bar with the time left.

    Raises:
        DataError: a frame cannot be read.
    """
    transform = DataConfig() if transform is None else transform
    place = device_of(detector, device)
    was_training = detector.training
    detector.to(place).eval()
    bar = tqdm(total=index.frame_count, unit="frame", desc="evaluate", disable=not progress)
    try:
        for video in range(len(index)):
            for result in _detect_video(detector, index, video, transform, references, place, precision):
                bar.update()
                yield result
    finally:
        bar.close()
        detector.train(was_training)


def _detect_video(
    detector: Any,
    index: VideoIndex,
    video: int,
    transform: TransformConfig,
    references: int,
    device: torch.device,
    precision: str,
) -> Iterator[FrameDetections]:
    def load(frame: int) -> PreparedFrame:
        return load_frame(index, video, frame, transform, device)

    count = index.videos[video].frame_count
    wanted = adaptive_references(count, references)
    # A short video repeats reference frames: each is decoded once.
    loaded = dict(load_ahead(load, sorted(set(wanted)), device))
    frames = [loaded[frame] for frame in wanted]
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
    with torch.no_grad(), autocast:
        memory = detector.remember(
            torch.stack([frame.pixels for frame in frames]), [frame.image_size for frame in frames]
        )
    for number, frame in load_ahead(load, range(count), device):
        # Entered anew for each frame: a generator must not leave its caller without gradients.
        with torch.no_grad(), autocast:
            result = detector.detect(frame.pixels, memory, frame.image_size, scale=frame.scale)
        yield FrameDetections(
            video,
            number,
            result["boxes"].float().cpu().numpy().reshape(-1, 4),
            result["scores"].float().cpu().numpy().reshape(-1),
            result["labels"].cpu().numpy().astype(np.int64).reshape(-1),
        )


def score_detections(index: VideoIndex, found: Iterable[FrameDetections]) -> EvaluationReport:
    """Score detections of an index: all its frames count, also those that `found` does not hold."""
    starts = np.cumsum([0, *(video.frame_count for video in index.videos)])
    found = list(found)
    counts = [len(frame.labels) for frame in found]
    detections = Detections.of(
        np.repeat([int(starts[frame.video]) + frame.frame for frame in found], counts),
        np.concatenate([np.zeros(0, np.int64), *(frame.labels for frame in found)]),
        np.concatenate([np.zeros((0, 4)), *(frame.boxes for frame in found)]),
        np.concatenate([np.zeros(0), *(frame.scores for frame in found)]),
    )
    truth, troubles = _read_truth(index, starts)
    names = index.class_names
    images = np.arange(starts[-1])
    overall, per_class = _score(detections, truth, images, starts, names)
    by_trouble: dict[str, Scores] = {}
    if any(troubles):  # without a side file, "clean" would claim what nobody has looked at
        for group, members in _groups(troubles).items():
            chosen = _score(detections.of_images(members), truth.of_images(members), members, starts, names)
            by_trouble[group] = chosen[0]
    return EvaluationReport(overall, per_class, by_trouble)


def _read_truth(index: VideoIndex, starts: NDArray[np.int64]) -> tuple[GroundTruth, list[tuple[str, ...]]]:
    """Every box of the index as written, and the troubles of every frame."""
    images, labels, boxes, troubles = [], [], [np.zeros((0, 4), np.float32)], []
    for position, video in enumerate(index.videos):
        for frame in range(video.frame_count):
            annotation = index.annotation(position, frame)
            images += [int(starts[position]) + frame] * len(annotation.labels)
            labels += annotation.labels.tolist()
            boxes.append(annotation.boxes)
            troubles.append(index.troubles(position, frame))
    return GroundTruth.of(images, labels, np.concatenate(boxes)), troubles


def _groups(troubles: list[tuple[str, ...]]) -> dict[str, NDArray[np.int64]]:
    """Frames of each group: clean, any trouble, then each trouble, the most frequent first."""
    kinds = sorted({kind for kinds in troubles for kind in kinds})
    members = {kind: np.flatnonzero([kind in kinds for kinds in troubles]) for kind in kinds}
    kinds.sort(key=lambda kind: -len(members[kind]))
    return {
        CLEAN: np.flatnonzero([not kinds for kinds in troubles]),
        ANY_TROUBLE: np.flatnonzero([bool(kinds) for kinds in troubles]),
        **{kind: members[kind] for kind in kinds},
    }


def _score(
    detections: Detections,
    truth: GroundTruth,
    images: NDArray[np.int64],
    starts: NDArray[np.int64],
    names: Sequence[str],
) -> tuple[Scores, dict[str, Scores]]:
    """AP over some images, and per class that has ground truth there."""
    scores = evaluate_coco(detections, truth, len(names), areas={"all": AREA_RANGES["all"]})

    def scored(ap50: float, ap: float, seen: NDArray[np.int64], boxes: int, why: str | None = None) -> Scores:
        videos = len(np.unique(np.searchsorted(starts, seen, side="right")))
        return Scores.of(ap50, ap, videos=videos, frames=len(np.unique(seen)), boxes=boxes, undefined=why)

    overall = scored(scores.ap(0.5), scores.ap(), images, len(truth), scores.why_undefined())
    per_class = {}
    columns = zip(names, scores.per_class(0.5).tolist(), scores.per_class().tolist(), strict=True)
    for label, (name, ap50, ap) in enumerate(columns):
        own = truth.image[truth.label == label]
        if len(own):
            per_class[name] = scored(ap50, ap, own, len(own))
    return overall, per_class
