"""Watches a training: the balance of the two gradients, and the embeddings of held-out videos at some moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.embeddings import EmbeddingTable, Grouping, Level, embed_levels
from clab_lite.schedule import Schedule
from clab_lite.study.gradients import gradient_balance
from clab_lite.study.record import Moment, Numbers
from clab_lite.train import Step

LEVELS: tuple[Level, ...] = ("frame", "object")
MOMENTS = (0.0, 0.15, 0.5, 0.75, 1.0)
"""Progress at which embeddings are taken, besides the moment when the weight reaches zero."""
BALANCES = 15
"""Measurements of the gradients in a run, about as many."""
CLOUD_VIDEOS = 20
"""Of the held-out videos, so many are in the maps; all are in the scores."""
FRAME_STEP = 2
_WHOLE_VIDEO = 1_000_000
"""Frames: more than a video has."""


@dataclass
class Observer:
    """`on_step` of `clab_lite.train.train`, and what it has seen."""

    held_out: VideoIndex
    weight: Schedule
    iterations: int
    moments: list[Moment] = field(default_factory=list)
    balance: list[tuple[int, float, float, float]] = field(default_factory=list)
    points: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zero = next((i for i in range(1, self.iterations + 1) if self.weight(i / self.iterations) == 0), None)
        moments = {round(progress * self.iterations) for progress in MOMENTS}
        self._at = moments | ({zero} if zero is not None and self.weight(0.0) > 0 else set())
        self._every = max(self.iterations // BALANCES, 1)

    def start(self, detector: nn.Module) -> None:
        """Take the first moment, before any step."""
        self._embed(detector, 0)

    def __call__(self, step: Step) -> None:
        detector = cast(VideoDetector, step.detector)
        if step.iteration == 1 or step.iteration % self._every == 0:
            found = gradient_balance(detector, step.clips, step.targets)
            self.balance.append((step.iteration, found.detection, found.contrast, found.cosine))
        if step.iteration in self._at:
            self._embed(detector, step.iteration)

    def balances(self) -> Numbers:
        """The measurements as columns: iteration, detection, contrast, cosine."""
        columns = np.array(self.balance, np.float64).reshape(-1, 4).T
        return dict(zip(("iteration", "detection", "contrast", "cosine"), columns, strict=True))

    def _embed(self, detector: nn.Module, iteration: int) -> None:
        tables = embed_levels(detector, self.held_out, LEVELS, frame_step=FRAME_STEP, progress=False)
        clouds: dict[str, NDArray[np.float32]] = {}
        for level in LEVELS:
            few = _few(tables[level])
            self.points[level] = few.table
            clouds[level] = few.map()
            if self.moments:
                clouds[level] = turned_to_fit(clouds[level], self.moments[-1].cloud[level])
        scores: dict[str, dict[str, float]] = {level: _scores(tables[level]) for level in LEVELS}
        self.moments.append(Moment(iteration, self.weight(iteration / self.iterations), scores, clouds))


def turned_to_fit(points: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map (N, 2), rotated or mirrored to lie nearest to `before` (orthogonal Procrustes; Schönemann 1966).

    The axes of a map have no meaning; without this, clouds would flip from one moment to the next.
    """
    left, _, right = np.linalg.svd(points.T.astype(np.float64) @ before.astype(np.float64))
    return (points @ (left @ right)).astype(np.float32)


def _few(table: EmbeddingTable) -> EmbeddingTable:
    rows = np.flatnonzero(table.table["video"].to_numpy() < CLOUD_VIDEOS)
    return EmbeddingTable(table.table.iloc[rows].reset_index(drop=True), table.matrix[rows], table.level)


def _scores(table: EmbeddingTable) -> dict[str, float]:
    """Scores by video (frames), or by class and track (objects).

    knn_video and knn_track: is the one nearest neighbour of the same video or track, frames next to its own left out
    (five rows of a track leave too few for more). knn_class: five neighbours, its whole video left out: other frames of
    the same object would answer for the class.
    """
    found = {"uniformity": table.scores("video").uniformity}
    for name in ("video",) if table.level == "frame" else ("class", "track"):
        other_videos = name == "class"
        by: Grouping = "class_name" if other_videos else "video" if name == "video" else "track"
        scores = table.scores(by, 5 if other_videos else 1, gap=_WHOLE_VIDEO if other_videos else FRAME_STEP)
        found[f"silhouette_{name}"] = scores.silhouette
        found[f"knn_{name}"] = scores.knn_purity
        found[f"alignment_{name}"] = scores.alignment
    return found
