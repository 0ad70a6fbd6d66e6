"""What a live training leaves: snapshots of the two clouds, the two losses and the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clab_lite.lessons.weights.cached import Cached
from clab_lite.metrics.clusters import alignment, knn_purity, uniformity

if TYPE_CHECKING:
    from clab_lite.lessons.weights.live import LiveSetting

_EVERYWHERE = 1_000_000
"""A gap of frames that leaves out the whole own video."""
Embedded = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]
"""C4 in each box (R, C4), the branch's embeddings (F or R, D), the class that the linear layer names (R,)."""


@dataclass(frozen=True)
class Measured:
    """Of one batch at one step."""

    step: int
    weight: float
    class_loss: float
    contrast: float
    chance: float
    share: float
    cosine: float


@dataclass(frozen=True)
class Scores:
    """Of the held-out videos."""

    accuracy: float
    """Share of the objects whose class the linear layer names."""
    object_knn: float
    """kNN purity by class of C4 in the boxes, neighbours from other videos only."""
    own_knn: float
    """kNN purity of the branch's embeddings: frames by video, or objects by track."""
    alignment: float
    uniformity: float
    """Of the branch's embeddings (Wang and Isola 2020); smaller is nearer together, and more evenly spread."""
    own_knn_learn: float
    """`own_knn` of the videos that were trained on."""


@dataclass(frozen=True)
class Snapshot:
    """One step of a run."""

    measured: Measured
    objects: NDArray[np.float32]
    """(R, C4) held out."""
    embedded: NDArray[np.float32]
    """(F or R, D) held out."""
    named: NDArray[np.int64]
    """(R,) held out."""
    objects_learn: NDArray[np.float32]
    embedded_learn: NDArray[np.float32]
    named_learn: NDArray[np.int64]
    scores: Scores


@dataclass
class LiveRun:
    """A run so far."""

    setting: LiveSetting
    held_out: Cached
    learn: Cached
    snapshots: list[Snapshot]

    def column(self, name: str) -> NDArray[np.float64]:
        """(snapshots,) one number of `Measured` or `Scores`."""
        found = [getattr(s.measured, name) if hasattr(s.measured, name) else getattr(s.scores, name)
                 for s in self.snapshots]  # fmt: skip
        return np.array(found, np.float64)


def own_groups(run: LiveRun, cached: Cached) -> NDArray[np.int64]:
    """Who is whose positive in the branch: the video of each frame, or the track of each object."""
    return cached.video if run.setting.level == "frame" else cached.track


def measure(run: LiveRun, clouds: dict[str, Embedded]) -> Scores:
    """The numbers of a snapshot. clouds: "held" and "learn"."""
    objects, embedded, named = clouds["held"]
    cached = run.held_out
    rows = cached.box_row
    label = cached.label.numpy()
    groups = own_groups(run, cached)
    return Scores(
        accuracy=float((named == label).mean()),
        object_knn=knn_purity(objects, label, video=cached.video[rows], frame=cached.frame[rows], gap=_EVERYWHERE),
        own_knn=knn_purity(embedded, groups, 3),
        alignment=alignment(embedded, groups),
        uniformity=uniformity(embedded),
        own_knn_learn=knn_purity(clouds["learn"][1], own_groups(run, run.learn), 3),
    )
