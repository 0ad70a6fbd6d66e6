"""How well embeddings group by a label: cosine silhouette, purity of nearest neighbours, alignment and uniformity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError

_BLOCK = 1024
"""Rows compared at a time, so that the N x N similarity is never held whole."""


def silhouette(matrix: ArrayLike, labels: ArrayLike) -> float:
    """Mean silhouette (Rousseeuw 1987) with the distance 1 - cosine, in [-1, 1]; larger is better separated.

    matrix: (N, D). labels: (N,). A point that is alone in its label scores 0. NaN with fewer than two
    labels: there is nothing to separate.
    """
    points, groups = _prepared(matrix, labels)
    names, members, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        return math.nan
    # The mean cosine to a group is the dot product with the mean of its unit vectors: no N x N matrix.
    sums = np.zeros((len(names), points.shape[1]))
    np.add.at(sums, members, points)
    similarity = points @ sums.T
    rows = np.arange(len(points))
    others = counts[members] - 1
    # A zero vector has cosine 0 with everything, itself included.
    own = (similarity[rows, members] - (points * points).sum(axis=1)) / np.maximum(others, 1)
    similarity = similarity / counts
    similarity[rows, members] = -math.inf
    within, between = 1 - own, 1 - similarity.max(axis=1)
    widest = np.maximum(within, between)
    scores = np.divide(between - within, widest, out=np.zeros_like(widest), where=widest > 1e-12)
    return float(np.where(others > 0, scores, 0.0).mean())


def knn_purity(
    matrix: ArrayLike,
    labels: ArrayLike,
    neighbours: int = 5,
    *,
    video: ArrayLike | None = None,
    frame: ArrayLike | None = None,
    gap: int = 1,
) -> float:
    """Share of a point's nearest neighbours (by cosine) that have its label, averaged over points; in [0, 1].

    Args:
        matrix: (N, D) embeddings. labels: (N,).
        neighbours: how many neighbours to look at; fewer when fewer are allowed.
        video, frame: (N,) each. When given, rows of the same video at most `gap` frames away are no
            neighbours (neither is the row itself, ever): adjacent frames are nearly the same picture and
            would make any features look pure.
        gap: 1 leaves out the same and the adjacent frames; -1 leaves out nothing but the row itself.

    Returns NaN when no row has an allowed neighbour. Equal similarities are ranked by row.
    """
    points, groups = _prepared(matrix, labels)
    if (video is None) != (frame is None):
        raise DataError("knn_purity needs both `video` and `frame`, or neither.")
    videos = None if video is None else np.asarray(video).reshape(-1)
    frames = None if frame is None else np.asarray(frame, np.int64).reshape(-1)
    purities = []
    for start in range(0, len(points), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(points)))
        similarity = points[rows] @ points.T
        similarity[np.arange(len(rows)), rows] = -math.inf
        if videos is not None and frames is not None:
            near = np.abs(frames[rows, None] - frames[None]) <= gap
            similarity[near & (videos[rows, None] == videos[None])] = -math.inf
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :neighbours]
        allowed = np.isfinite(np.take_along_axis(similarity, nearest, axis=1))
        same = (groups[nearest] == groups[rows, None]) & allowed
        some = allowed.any(axis=1)
        purities.append(same.sum(axis=1)[some] / allowed.sum(axis=1)[some])
    found = np.concatenate(purities) if purities else np.zeros(0)
    return float(found.mean()) if len(found) else math.nan


def alignment(matrix: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance of unit vectors over all pairs with the same label, in [0, 4]; smaller is closer together.

    Wang and Isola 2020 (arXiv 2005.10242, section 4.1.1, with exponent 2). matrix: (N, D). labels: (N,). Each pair
    counts once and all alike, so that a label with many rows weighs more. NaN when no two rows share a label.
    """
    points, groups = _prepared(matrix, labels)
    _, members, counts = np.unique(groups, return_inverse=True, return_counts=True)
    pairs = int((counts * (counts - 1) // 2).sum())
    if not pairs:
        return math.nan
    # Over the pairs of a group, the squared distances sum to its size times the squared distances to its mean.
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, members, points)
    away = points - (sums / counts[:, None])[members]
    return float((counts[members] * (away * away).sum(axis=1)).sum() / pairs)


def uniformity(matrix: ArrayLike) -> float:
    """Log of the mean of exp(-2 d²) over all pairs of unit vectors at distance d, in [-8, 0]; smaller: more spread.

    Wang and Isola 2020 (arXiv 2005.10242, section 4.1.2, with t = 2). matrix: (N, D). 0: all point one way; about -4:
    spread over a sphere of many dimensions. NaN with fewer than two rows.
    """
    points, _ = _prepared(matrix, np.zeros(len(np.asarray(matrix))))
    if len(points) < 2:
        return math.nan
    squared = (points * points).sum(axis=1)  # 1, but 0 for a vector without direction
    total = 0.0
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        distance = squared[rows, None] + squared[None] - 2 * (points[rows] @ points.T)
        kernel = np.exp(-2 * np.maximum(distance, 0.0))
        total += float(kernel.sum() - np.trace(kernel[:, start:]))  # a row and itself are no pair
    return math.log(total / (len(points) * (len(points) - 1)))


def _prepared(matrix: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """Unit rows in float64, and the labels as an array of the same length."""
    points, groups = np.asarray(matrix, np.float64), np.asarray(labels).reshape(-1)
    if points.ndim != 2 or len(points) != len(groups):
        raise DataError(f"matrix {points.shape} and {len(groups)} labels do not fit. Give (N, D) and N labels.")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise DataError(f"embedding in row {row} is not finite. Check the checkpoint it came from.")
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(length > 0, length, 1.0), groups
