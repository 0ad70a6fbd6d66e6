"""What a report is made of, and how to gather its pictures and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.vid import FrameAnnotation, VideoIndex
from clab_lite.embeddings import ClusterScores, EmbeddingTable, Grouping
from clab_lite.evaluate import FrameDetections
from clab_lite.evaluation_report import EvaluationReport


@dataclass(frozen=True)
class Picture:
    """One frame with its detections and ground truth, in pixels of `image`.

    image: (3, H, W) uint8 RGB. found: {"boxes" (D, 4), "scores" (D,), "labels" (D,)}, best first.
    """

    image: NDArray[np.uint8]
    found: Mapping[str, NDArray[Any]]
    truth: FrameAnnotation
    video: str
    frame: int
    troubles: tuple[str, ...]


@dataclass(frozen=True)
class MapPanel:
    """One map of embeddings: coordinates (N, 2), group of each row (N,) as text, and how well the groups cluster."""

    title: str
    points: NDArray[np.float32]
    groups: NDArray[np.str_]
    scores: ClusterScores


@dataclass(frozen=True)
class MapComparison:
    """Maps to be looked at side by side, of the same frames or objects at different moments of training.

    what: what one dot is, for example "one object in one frame". by: what the colours tell, for example "class".
    """

    title: str
    what: str
    by: str
    panels: Sequence[MapPanel]
    method: str = "PCA"
    """How the map was drawn."""


@dataclass(frozen=True)
class InferenceCost:
    """The detector with the auxiliary branch and after its removal.

    parameters_with, parameters_without: counts.
    largest_difference: of any box corner, score or label between the two detectors, over `frames` frames; 0.0 means
        the same bits.
    """

    parameters_with: int
    parameters_without: int
    largest_difference: float
    frames: int


@dataclass(frozen=True)
class ReportData:
    """Everything `write_report` shows. Empty parts leave their section out."""

    title: str
    evaluation: EvaluationReport
    class_names: Sequence[str]
    log_rows: Sequence[Mapping[str, Any]] = ()
    """Rows of `log.jsonl`."""
    pictures: Sequence[Picture] = ()
    maps: Sequence[MapComparison] = ()
    cost: InferenceCost | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The configuration, nested as in config.json."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Machine, versions, time: anything a reader needs to judge the numbers."""
    command: str = ""
    """What repeats the run."""


def choose_pictures(
    index: VideoIndex, found: Sequence[FrameDetections], clean: int = 3, troubled: int = 3
) -> list[Picture]:
    """Frames to show, at even steps through the videos and never picked by their result.

    Takes frames with objects only; troubled frames go through the kinds of trouble in turn. Without known troubles,
    all are "clean".
    """
    results = {(frame.video, frame.frame): frame for frame in found}
    clean_keys: list[tuple[int, int]] = []
    by_trouble: dict[str, list[tuple[int, int]]] = {}
    for key in sorted(results):
        if len(index.annotation(*key).labels):
            troubles = index.troubles(*key)
            clean_keys += [] if troubles else [key]
            for kind in troubles:
                by_trouble.setdefault(kind, []).append(key)
    chosen = _even(clean_keys, clean)
    kinds = sorted(by_trouble)
    for turn in range(troubled if kinds else 0):
        keys = by_trouble[kinds[turn % len(kinds)]]
        # Another place in the dataset at every turn, so that not all pictures are of the first videos.
        start = turn * len(keys) // troubled
        fresh = [key for key in keys[start:] + keys[:start] if key not in chosen]
        chosen += fresh[:1]
    return [_picture(index, results[key]) for key in chosen]


def compare_maps(
    title: str,
    what: str,
    tables: Mapping[str, EmbeddingTable],
    by: Grouping = "class_name",
    method: Literal["pca", "umap"] = "pca",
    seed: int = 0,
) -> MapComparison:
    """One panel per table (name of the moment -> its embeddings), coloured and scored by `by`."""
    column = {"class_name": "class_name", "video": "video_name", "track": "track"}[by]
    panels = []
    for name, table in tables.items():
        groups = table.table[column].to_numpy(dtype=str)
        panels.append(MapPanel(name, table.map(method, seed), groups, table.scores(by)))
    return MapComparison(
        title, what, {"class_name": "class", "video": "video", "track": "track"}[by], panels, method.upper()
    )


def _even(keys: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """At most `count` keys, at even steps."""
    if len(keys) <= count:
        return list(keys)
    return [keys[(2 * i + 1) * len(keys) // (2 * count)] for i in range(count)]


def _picture(index: VideoIndex, found: FrameDetections) -> Picture:
    return Picture(
        image=index.load_image(found.video, found.frame).numpy(),
        found={"boxes": found.boxes, "scores": found.scores, "labels": found.labels},
        truth=index.annotation(found.video, found.frame),
        video=index.videos[found.video].name,
        frame=found.frame,
        troubles=index.troubles(found.video, found.frame),
    )
