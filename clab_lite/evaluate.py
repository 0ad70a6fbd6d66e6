"""Run a detector over every frame of a dataset and score it: COCO AP50 and AP50:95, per class and by trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from clab_lite.config import FrameConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.errors import DataError
from clab_lite.evaluation_report import ANY_TROUBLE, CLEAN, EvaluationReport, Scores
from clab_lite.frames import inference, load_frame, reading_threads
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import AREA_RANGES, evaluate_coco

__all__ = [
    "EvaluationReport",
    "FrameDetections",
    "detect_dataset",
    "evaluate",
    "require_same_classes",
    "score_detections",
]


def require_same_classes(trained: Sequence[str], dataset: Sequence[str]) -> None:
    """Labels are positions in a list of names: two lists that differ give scores of zero, or of the wrong class.

    Args:
        trained: class names of the run; empty (unknown) is let through.
        dataset: class names of the dataset.

    Raises:
        DataError: they differ.
    """
    if not trained or tuple(trained) == tuple(dataset):
        return
    pairs = enumerate(zip_longest(trained, dataset, fillvalue="nothing"))
    label, (own, other) = next((label, pair) for label, pair in pairs if pair[0] != pair[1])
    raise DataError(
        f"the run was trained on other classes than the dataset has. Run: {_short(trained)}. Dataset: "
        f"{_short(dataset)}. Label {label} is {own!r} in the run, {other!r} in the dataset. "
        "Use a dataset with the classes of the run, in the same order."
    )


def _short(names: Sequence[str], most: int = 5) -> str:
    more = f", ... {len(names)} in all" if len(names) > most else ""
    return ", ".join(names[:most]) + more


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
        DataError: the detector has another number of classes than the dataset; a frame cannot be read.
    """
    if detector.config.num_classes != len(index.class_names):
        found = f"the detector has {detector.config.num_classes} classes, the dataset {len(index.class_names)}"
        raise DataError(f"{found} ({_short(index.class_names)}). Use a dataset with the classes of its training.")
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
    clean: dict[str, Scores] = {}
    if any(troubles):  # without a side file, "clean" would claim what nobody has looked at
        for group, members in _groups(troubles).items():
            scores, classes = _score(detections.of_images(members), truth.of_images(members), members, starts, names)
            if group == CLEAN:  # the first
                clean = classes
            else:
                scores = replace(scores, clean_ap50=_mean([clean[n].ap50 for n in classes if n in clean]))
            by_trouble[group] = scores
    return EvaluationReport(overall, per_class, by_trouble)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


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
