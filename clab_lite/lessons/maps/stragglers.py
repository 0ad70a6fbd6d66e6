"""The rows that lie farthest from their own video, and what they have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable
from clab_lite.lessons.maps.colours import colouring


def far_from_video(table: EmbeddingTable, share: float = 0.05) -> NDArray[np.int64]:
    """The `share` of all rows (at least one) that lie farthest from the middle of their video's rows, farthest first.

    By the cosine, in all numbers of the embedding.
    """
    unit = table.matrix / np.maximum(np.linalg.norm(table.matrix, axis=1, keepdims=True), 1e-12)
    videos, member = np.unique(table.table["video"].to_numpy(), return_inverse=True)
    middles = np.stack([unit[member == place].mean(axis=0) for place in range(len(videos))])
    middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-12)
    cosines = (unit * middles[member]).sum(axis=1)
    return np.argsort(cosines, kind="stable")[: max(1, round(share * len(table)))]


def straggler_words(table: EmbeddingTable, share: float = 0.05) -> str:
    """The troubles of the rows of `far_from_video`, each beside its part of all rows."""
    far, troubles = far_from_video(table, share), colouring(table, "trouble").names
    names, counts = np.unique(troubles[far], return_counts=True)
    parts = [
        f"{counts[place]} {names[place]} ({np.mean(troubles == names[place]):.0%} of all are)"
        for place in np.argsort(-counts, kind="stable")
    ]
    return f"The {len(far)} of {len(table)} rows farthest from the middle of their video: " + ", ".join(parts)
