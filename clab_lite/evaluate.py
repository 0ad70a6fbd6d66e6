"""Run a detector over a dataset, or a part of it, and score what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import torch
from numpy.typing import NDArray
from torch import nn

from clab_lite.config import FrameConfig
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.dataset_detections import FrameDetections, Precision, detect_dataset, detect_selection
from clab_lite.detection_store import VideoDetections
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.frame_detections import some_names
from clab_lite.frames import device_type
from clab_lite.scoring import score
from clab_lite.team import team

__all__ = [
    "EvaluationReport",
    "FrameDetections",
    "detect_dataset",
    "detect_selection",
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
        f"the run was trained on other classes than the dataset has. Run: {some_names(trained)}. Dataset: "
        f"{some_names(dataset)}. Label {label} is {own!r} in the run, {other!r} in the dataset. "
        "Use a dataset with the classes of the run, in the same order."
    )


def evaluate(
    detector: nn.Module,
    index: VideoIndex,
    *,
    subset: Subset | None = None,
    store: str | Path | None = None,
    resamples: int = 1000,
    transform: FrameConfig | None = None,
    references: int | None = None,
    device: str | torch.device | None = None,
    precision: Precision = "float32",
    progress: bool = True,
) -> EvaluationReport:
    """Score a detector under the COCO, MEGA and FGFA protocols, with 95 % intervals.

    Under torchrun every process calls it, with the same arguments. They divide the videos among them, the main one
    scores, and all return its report: that of one process with as many threads, bit by bit.

    Args:
        detector, index: as in `detect_dataset`.
        subset: what to evaluate; None is every annotated frame of every video.
        store: folder for the detections: an evaluation that was stopped goes on there, and a later one detects only
            frames that are not there yet. None keeps them in memory.
        resamples: draws of videos behind the intervals; 0 leaves the intervals out.
        transform, references, device, precision, progress: as in `detect_dataset`.

    Raises:
        DataError: the detector has other classes than the dataset, the subset is empty, a frame cannot be read.
        OtherProcessFailed: another process raised an error.
    """
    selection = (subset or Subset()).select(index)
    with team(device_type(detector, device)) as us:
        found = detect_selection(
            detector,
            index,
            selection,
            store=store,
            transform=transform,
            references=references,
            device=device,
            precision=precision,
            progress=progress,
        )
        if not us.is_main:
            return EvaluationReport.from_json(us.from_main(bytes).decode())
        report = score(index, selection, found, subset=str(subset or ""), resamples=resamples)
        us.from_main(lambda: report.to_json().encode())
        return report


def score_detections(
    index: VideoIndex, found: Iterable[FrameDetections], *, subset: Subset | None = None, resamples: int = 1000
) -> EvaluationReport:
    """Score detections of an index: all its frames count, also those that `found` does not hold.

    Arguments as in `evaluate`; frames outside the subset are left out.
    """
    frames: dict[int, dict[int, tuple[NDArray, NDArray, NDArray]]] = {}
    for frame in found:
        frames.setdefault(frame.video, {})[frame.frame] = (frame.boxes, frame.scores, frame.labels)
    videos = {v: VideoDetections.of(results, len(index.class_names)) for v, results in frames.items()}
    nothing = VideoDetections.of({}, len(index.class_names))
    selection = (subset or Subset()).select(index)
    return score(
        index, selection, lambda video: videos.get(video, nothing), subset=str(subset or ""), resamples=resamples
    )
