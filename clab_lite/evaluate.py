"""Run a detector over every frame of a dataset and score it: COCO AP50 and AP50:95, per class and by trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from clab_lite.config import FrameConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.evaluation_report import ANY_TROUBLE, CLEAN, EvaluationReport, Scores
from clab_lite.frames import inference, load_frame, reading_threads
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import AREA_RANGES, evaluate_coco

__all__ = ["EvaluationReport", "FrameDetections", "detect_dataset", "evaluate", "score_detections"]


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
    transform: FrameConfig | None = None,
    references: int | None = None,
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
    detector: Any,
    index: VideoIndex,
    *,
    transform: FrameConfig | None = None,
    references: int | None = None,
    device: str | torch.device | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    progress: bool = True,
) -> Iterator[FrameDetections]:
    """Detections of every frame, video after video.

    Each video is remembered once, by `references` frames spread evenly over it (the official test mode).

    Args:
        detector: a module that has `remember` and `detect` (see `clab_lite.detector.video.Detector`) and `config`;
            computes in eval mode, and is given back in its own mode.
        index: the videos.
        transform: frame size; None is the detector's own, that of its training.
        references: reference frames per video; None is the number in the detector's configuration.
        device: where to compute; None stays where the detector's weights are.
        precision: "bfloat16" computes under autocast.
        progress: show a bar with the time left.

    Raises:
        DataError: a frame cannot be read.
    """
    size = detector.config.frame if transform is None else transform
    count = detector.config.detection.references if references is None else references
    bar = tqdm(total=index.frame_count, unit="frame", desc="evaluate", disable=not progress)
    with bar, inference(detector, device) as place:
        for video in range(len(index)):
            for result in _detect_video(detector, index, video, size, count, place, precision):
                bar.update()
                yield result


def _detect_video(
    detector: Any,
    index: VideoIndex,
    video: int,
    size: FrameConfig,
    references: int,
    device: torch.device,
    precision: str,
) -> Iterator[FrameDetections]:
    def load(frame: int) -> PreparedFrame:
        return load_frame(index, video, frame, size, device)

    frames = index.videos[video].frame_count
    results = detect_frames(detector, load, frames, count=references, threads=reading_threads(device))
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
    for number in range(frames):
        # Entered anew for each frame: a generator must not leave its caller without gradients.
        with torch.no_grad(), autocast:
            result = next(results)
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
