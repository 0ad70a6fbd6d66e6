"""Linked maps of two moments: their scores under their names, and what these say as the title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from clab_lite.data.vid import VideoIndex
from clab_lite.embeddings import ClusterScores, EmbeddingTable, Grouping, Level
from clab_lite.lessons.maps.drawing import MapPanel
from clab_lite.lessons.maps.linked import LinkedMaps
from clab_lite.lessons.maps.tables import Moments, class_purity, pair


def link(
    index: VideoIndex,
    moments: Moments,
    left: str,
    right: str,
    level: Level = "object",
    method: Literal["pca", "umap"] = "pca",
    example: int | None = None,
) -> LinkedMaps:
    """Link the maps of two moments.

    Args:
        index: the videos that were embedded.
        moments: of `tables.embed_moments`.
        left, right: two of its names.
        level: "object" or "frame".
        method: as in `EmbeddingTable.map`.
        example: a video that the static twin shows as selected. In the notebook nothing is selected at first:
            jupyter-scatter 1.0 cannot draw paths that are selected before it has drawn them.

    Raises:
        DataError: there is no such moment.
    """
    tables = pair(moments, left, right, level)
    by: Grouping = "class_name" if level == "object" else "video"
    panels = []
    for name, table in zip((left, right), tables, strict=True):
        found = table.scores(by)
        panels.append(
            MapPanel(name, table.map(method), note(found, class_purity(table) if level == "object" else None))
        )
    colour = "class" if level == "object" else "video"
    return LinkedMaps(index, tables[0], panels, finding(tables, left, right, by), colour, example)


def note(found: ClusterScores, far: float | None = None) -> str:
    """Four scores in two lines, to stand under a map's name.

    far: purity among other videos' rows, which is named before the easier one.
    """
    near = f"kNN purity {found.knn_purity:.2f}"
    purity = near if far is None else f"kNN purity, own video out {far:.2f} (in: {found.knn_purity:.2f})"
    return (
        f"{purity} · silhouette {found.silhouette:.2f}\n"
        f"alignment {found.alignment:.2f} · uniformity {found.uniformity:.2f}"
    )


def finding(tables: Sequence[EmbeddingTable], left: str, right: str, by: Grouping) -> str:
    """What the scores of both tables say: objects by class among other videos, frames by video."""
    if by == "class_name":
        first, second = (class_purity(table) for table in tables)
        return f"Neighbours from other videos share the class: {first:.0%} ({left}), {second:.0%} ({right})"
    first, second = (table.scores(by).knn_purity for table in tables)
    return f"Neighbours of a frame are of its own video: {first:.0%} ({left}), {second:.0%} ({right})"
