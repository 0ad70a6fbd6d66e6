"""Features of a dataset's frames and objects as a table, how well they cluster, and their map in two dimensions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from clab_lite.config import FrameConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.dataset_embeddings import EmbeddingRows, EmbeddingSetting, Level, embed_dataset
from clab_lite.errors import DataError, Notice
from clab_lite.metrics.clusters import alignment, knn_purity, silhouette, uniformity

Grouping = Literal["class_name", "video", "track"]


@dataclass(frozen=True)
class ClusterScores:
    """How well embeddings group by a label. NaN: there was nothing to compare."""

    silhouette: float
    """Cosine silhouette, in [-1, 1]."""
    knn_purity: float
    """Share of the 5 nearest neighbours with the same label, in [0, 1]; adjacent frames of a video are left out."""
    alignment: float
    """Mean squared distance of two unit vectors with the same label, in [0, 4]; smaller is closer together."""
    uniformity: float
    """Log mean exp(-2 d²) over all pairs of unit vectors, whatever their label; smaller is more spread out."""


@dataclass(frozen=True)
class EmbeddingTable:
    """N embeddings and what each is of.

    table: N rows: video (position), video_name, frame, track (-1: a whole frame), label, class_name,
        troubles (words joined by ", "). A whole frame has the label of its largest object; label -1 and ""
        when it shows none.
    matrix: (N, D) float32, not normalised.
    level: what was pooled.
    """

    table: pd.DataFrame
    matrix: NDArray[np.float32]
    level: Level

    def __len__(self) -> int:
        return len(self.table)

    def groups(self, by: Grouping) -> NDArray[np.str_]:
        """The group of each row: (N,) names of classes or videos, or "video/track" numbers."""
        if by not in get_args(Grouping):
            raise DataError(f"grouping {by!r} is unknown. Choose one of {', '.join(get_args(Grouping))}.")
        groups = self.table["video"].astype(str)
        if by == "class_name":
            groups = self.table["class_name"]
        elif by == "track":
            groups = groups + "/" + self.table["track"].astype(str)
        return groups.to_numpy(dtype=str)

    def scores(self, by: Grouping = "class_name", neighbours: int = 5, gap: int = 1) -> ClusterScores:
        """How well rows group by class, by video, or by track (an object of one video).

        neighbours, gap: of the neighbour purity: how many nearest rows count, and how near in time (in frames) a
        row of the same video must be to be left out.
        """
        names = self.groups(by)
        places = {"video": self.table["video"].to_numpy(), "frame": self.table["frame"].to_numpy()}
        return ClusterScores(
            silhouette=silhouette(self.matrix, names),
            knn_purity=knn_purity(self.matrix, names, neighbours, **places, gap=gap),
            alignment=alignment(self.matrix, names),
            uniformity=uniformity(self.matrix),
        )

    def map(
        self, method: Literal["pca", "umap"] = "pca", seed: int = 0, *, neighbours: int = 15, min_distance: float = 0.1
    ) -> NDArray[np.float32]:
        """Coordinates (N, 2) of the embeddings' directions (lengths are normalised away, as the contrast does).

        "pca" is instant and has no random part. "umap" takes seconds; without umap-learn, or with fewer than five
        rows, it warns and answers with PCA. seed, neighbours, min_distance: of UMAP alone (its random_state,
        n_neighbors, min_dist).
        """
        if method not in ("pca", "umap"):
            raise DataError(f"map method {method!r} is unknown. Choose 'pca' or 'umap'.")
        length = np.linalg.norm(self.matrix, axis=1, keepdims=True)
        directions = (self.matrix / np.where(length > 0, length, 1)).astype(np.float32)
        if method == "pca":
            return _pca(directions)
        return _umap(directions, seed, neighbours, min_distance)


def embed(
    detector: nn.Module,
    index: VideoIndex,
    level: Level = "object",
    *,
    transform: FrameConfig | None = None,
    frame_step: int = 1,
    batch: int = 16,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> EmbeddingTable:
    """Embed the frames or objects of a dataset at one level. Arguments as in `embed_levels`."""
    tables = embed_levels(
        detector,
        index,
        (level,),
        transform=transform,
        frame_step=frame_step,
        batch=batch,
        device=device,
        progress=progress,
    )
    return tables[level]


def embed_levels(
    detector: Any,
    index: VideoIndex,
    levels: Sequence[Level],
    *,
    transform: FrameConfig | None = None,
    frame_step: int = 1,
    batch: int = 16,
    device: str | torch.device | None = None,
    progress: bool = True,
    title: str = "embed",
) -> dict[Level, EmbeddingTable]:
    """Several levels from one pass of the backbone.

    Args:
        detector: has `extract(frames) -> (c4, neck features)` and `auxiliary` (None, or a branch with
            `embed(c4)`), and `config`. Computes in eval mode and is given back in its own.
        index: the videos.
        levels: what to pool; "projector" needs the auxiliary branch.
        transform: frame size; None is the detector's own, that of its training.
        frame_step: take every so many-th frame of each video.
        batch: frames at a time (of one video and one size; a change of either starts a new batch).
        device: where to compute; None stays where the detector's weights are.
        progress: show a bar with the time left.
        title: what stands before the bar.

    Boxes without a pixel inside the frame have no features and get no row.

    Under torchrun every process calls it, with the same arguments. They divide the videos among them, and all return
    the same tables: those of one process with as many threads, bit by bit.

    Raises:
        DataError: "projector" without an auxiliary branch; an unreadable frame.
        OtherProcessFailed: another process raised an error.
    """
    if "projector" in levels and detector.auxiliary is None:
        raise DataError("level 'projector' needs the auxiliary branch. Use 'frame', or a detector that has it.")
    size = detector.config.frame if transform is None else transform
    setting = EmbeddingSetting(size, frame_step, batch)
    rows = embed_dataset(detector, index, levels, setting, device=device, progress=progress, title=title)
    return {level: _table(index, rows[level], level) for level in levels}


def _table(index: VideoIndex, rows: EmbeddingRows, level: Level) -> EmbeddingTable:
    """The rows with names."""
    columns = ["video", "video_name", "frame", "track", "label", "class_name", "troubles"]
    records = []
    for video, frame, track, label in rows.places.tolist():
        named = index.class_names[label] if label >= 0 else ""
        troubles = ", ".join(index.troubles(video, frame))
        records.append((video, index.videos[video].name, frame, track, label, named, troubles))
    return EmbeddingTable(pd.DataFrame(records, columns=columns), rows.matrix, level)


def _pca(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two directions of largest variance; their signs make the largest coordinate positive, so the map
    is repeatable.
    """
    if not len(points):
        return np.zeros((0, 2), np.float32)
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    flat = (left * values)[:, :2]
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    largest = flat[np.abs(flat).argmax(axis=0), [0, 1]]
    return (flat * np.where(largest < 0, -1, 1)).astype(np.float32)


def _umap(points: NDArray[np.float32], seed: int, neighbours: int, min_distance: float) -> NDArray[np.float32]:
    reducer: Any = None
    problem = f"{len(points)} rows are too few for UMAP"
    if len(points) >= 5:
        try:
            reducer = import_module("umap").UMAP  # takes seconds: only when asked for
        except ImportError:
            problem = "umap-learn is not installed (pip install umap-learn)"
    if reducer is None:
        warnings.warn(f"{problem}: the map shows principal components instead.", Notice, stacklevel=3)
        return _pca(points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces that a seed means one thread
        fitted = reducer(
            n_neighbors=min(neighbours, len(points) - 1),
            min_dist=min_distance,
            metric="cosine",
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(fitted.fit_transform(points), np.float32)
