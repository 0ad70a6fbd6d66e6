"""What a map keeps of the space it was made from: the same rows under several methods, seeds and settings."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable
from clab_lite.errors import Notice
from clab_lite.lessons.maps.colours import Colouring
from clab_lite.lessons.maps.drawing import Points, bare, bounded, legend
from clab_lite.show.style import GREY, INK, PlainFigure

NEIGHBOURS = 10
"""Of a row, in the space and on a map."""


@dataclass(frozen=True)
class Projection:
    """One map of the rows, and what it keeps."""

    name: str
    points: Points
    kept: float
    """Share of a row's nearest neighbours in the space that are among its nearest on the map, in [0, 1]."""
    far: float
    """Rank correlation of the distances between groups, space against map, in [-1, 1]; NaN below three groups."""

    @property
    def note(self) -> str:
        return f"neighbours kept {self.kept:.0%} · far distances {self.far:.2f}"


def project(
    table: EmbeddingTable, groups: NDArray[np.str_], method: str = "umap", seed: int = 0, neighbours: int = 15,
    min_distance: float = 0.1,
) -> Projection:  # fmt: skip
    """Make one map and measure it. groups: (N,), whose centres give the far distances. Other arguments as in
    `EmbeddingTable.map`. Where UMAP cannot be had, the map is PCA's, and its name says so.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", Notice)
        points = table.map(method, seed, neighbours=neighbours, min_distance=min_distance)  # type: ignore[arg-type]
    notices = [str(warning.message) for warning in said if issubclass(warning.category, Notice)]
    for notice in notices:
        warnings.warn(notice, Notice, stacklevel=2)
    name = f"UMAP: seed {seed}, n_neighbors {neighbours}, min_dist {min_distance:g}"
    if method == "pca" or notices:
        name = "PCA: instead of UMAP" if notices else "PCA"
    return Projection(name, points, kept_neighbours(table.matrix, points), far_agreement(table.matrix, points, groups))


def kept_neighbours(matrix: NDArray[np.float32], points: Points, count: int = NEIGHBOURS) -> float:
    """Mean share of each row's `count` nearest (cosine) that are among its `count` nearest on the map (Euclidean)."""
    if len(points) < 2:
        return float("nan")
    count = min(count, len(points) - 1)
    space, flat = _nearest(_unit(matrix), count), _nearest(points.astype(np.float64), count)
    return float(np.mean([len(np.intersect1d(a, b)) / count for a, b in zip(space, flat, strict=True)]))


def far_agreement(matrix: NDArray[np.float32], points: Points, groups: NDArray[np.str_]) -> float:
    """Spearman's correlation of all distances between two groups' centres: in the space and on the map."""
    names = np.unique(groups)
    if len(names) < 3:
        return float("nan")
    unit = _unit(matrix)
    distances = []
    for space in (unit, points.astype(np.float64)):
        centres = np.stack([space[groups == name].mean(axis=0) for name in names])
        above = np.triu_indices(len(names), 1)
        distances.append(np.linalg.norm(centres[:, None] - centres[None], axis=2)[above])
    space_ranks, map_ranks = (pd.Series(values).rank().to_numpy() for values in distances)  # equal ones share a rank
    return float(np.corrcoef(space_ranks, map_ranks)[0, 1])


def draw_projections(projections: Sequence[Projection], colours: Colouring, columns: int = 3) -> Figure:
    """The maps as small multiples, each with what it keeps."""
    lines = -(-len(projections) // columns)
    figure = PlainFigure(figsize=(9.5, 3.4 * lines + 0.5), layout="constrained", facecolor="white")
    shades = np.asarray(colours.colours)
    for place, projection in enumerate(projections):
        axes = figure.add_subplot(lines, columns, place + 1)
        bare(axes)
        across, down = bounded(projection.points).T
        axes.scatter(across, down, s=9, c=shades, alpha=0.8, linewidths=0)
        axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
        axes.set_title(projection.name.replace(": ", "\n"), loc="left", fontsize=9, color=INK)
        axes.set_xlabel(projection.note, fontsize=9, color=GREY)
    if colours.distinct:
        legend(figure, colours)
    figure.suptitle(projections_finding(projections), x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def projections_finding(projections: Sequence[Projection]) -> str:
    """What the measures of all maps say."""
    kept, far = [p.kept for p in projections], [p.far for p in projections]
    pictures = f"{len(projections)} pictures of the same {len(projections[0].points)} rows"
    near = f"they keep {min(kept):.0%} to {max(kept):.0%} of the neighbours"
    return f"{pictures}: {near},\nand far distances with a correlation of {min(far):.2f} to {max(far):.2f}"


def _unit(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix.astype(np.float64) / np.where(length > 0, length, 1)


def _nearest(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    squared = (points * points).sum(axis=1)
    distance = squared[:, None] + squared[None] - 2 * points @ points.T
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :count]
