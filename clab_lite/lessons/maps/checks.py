"""Checkers of lesson 08: neighbour purity and alignment by hand, and which sentence two maps allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable
from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.metrics.clusters import alignment

Array = NDArray[Any]
_CLOSE = 1e-6


@checker
def purity(answer: Callable[..., Any]) -> Verdict:
    """`answer(similarity, labels, video, frame, k)`: neighbour purity, adjacent frames of a video left out."""
    cases = [_rows(seed) for seed in range(3)]
    given = [answer(*[part.copy() for part in case], 3) for case in cases]
    if given[0] is None:
        return unanswered()
    if not all(_is_number(value) for value in given):
        return wrong(f"the function returned {given[0]!r}. Return one number: the mean over all rows.")
    wanted = [_purity(*case, 3, _not_adjacent) for case in cases]
    if np.allclose(given, wanted, atol=_CLOSE):
        return correct("each row asked its nearest rows that are not nearly the same picture.")
    for values, hint in _purity_mistakes(cases):
        if np.allclose(given, values, atol=_CLOSE) and not np.allclose(values, wanted, atol=_CLOSE):
            return wrong(hint)
    return wrong(f"on a small example you return {given[0]:.4f}, by hand it is {wanted[0]:.4f}. {_PURITY_STEPS}")


_PURITY_STEPS = "Per row: leave out, sort by similarity, take k, share of equal labels; then the mean over the rows."


def _purity_mistakes(cases: list[tuple[Array, Array, Array, Array]]) -> list[tuple[list[float], str]]:
    def all_of(allowed: Callable[..., Array], farthest: bool = False) -> list[float]:
        return [_purity(*case, 3, allowed, farthest) for case in cases]

    return [
        (
            all_of(_everybody),
            "you counted the row itself: its nearest neighbour is always itself, with its own label.",
        ),
        (
            all_of(_not_itself),
            "you left out the row itself, but not the adjacent frames of its video: nearly the same picture answers.",
        ),
        (
            all_of(_no_adjacent_number),
            "you left out adjacent frame numbers of every video. Only those of the row's own video look like it.",
        ),
        (
            all_of(_other_videos),
            "you left out the whole own video. That is a fair question too, but here only frames at most 1 away go.",
        ),
        (
            all_of(_not_adjacent, farthest=True),
            "you took the least similar rows. A large cosine means near: sort from large to small.",
        ),
        ([value * 3 for value in all_of(_not_adjacent)], "you counted equal labels; divide by k to get a share."),
    ]


def _everybody(_: int, video: Array, __: Array) -> Array:
    return np.ones(len(video), bool)


def _not_itself(i: int, video: Array, _: Array) -> Array:
    return np.arange(len(video)) != i


def _other_videos(i: int, video: Array, _: Array) -> Array:
    return video != video[i]


def _no_adjacent_number(i: int, _: Array, frame: Array) -> Array:
    return np.abs(frame - frame[i]) > 1


def _rows(seed: int) -> tuple[Array, Array, Array, Array]:
    """Similarity (N, N), labels, video and frame (N,) of a few made-up rows that hang together as frames do."""
    generator = np.random.default_rng(seed)
    video, frame = np.repeat(np.arange(6), 7), np.tile(np.arange(7), 6)
    labels = np.array([0, 1, 0, 2, 1, 2])[video]
    # A path through each video: frames beside each other are alike, frames far apart are less so.
    path = generator.normal(size=(6, 7, 4)).cumsum(axis=1).reshape(42, 4)
    points = generator.normal(size=(6, 4))[video] + 0.7 * path
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit @ unit.T, labels, video, frame


def _not_adjacent(i: int, video: Array, frame: Array) -> Array:
    return ~((video == video[i]) & (np.abs(frame - frame[i]) <= 1))


def _purity(
    similarity: Array, labels: Array, video: Array, frame: Array, k: int, allowed: Callable[..., Array],
    farthest: bool = False,
) -> float:  # fmt: skip
    shares = []
    for i in range(len(labels)):
        others = np.flatnonzero(allowed(i, video, frame))
        order = np.argsort(similarity[i, others] if farthest else -similarity[i, others], kind="stable")
        shares.append(float((labels[others[order[:k]]] == labels[i]).mean()))
    return float(np.mean(shares))


@checker
def aligned(answer: Callable[..., Any]) -> Verdict:
    """`answer(matrix, labels)`: mean squared distance of unit vectors over pairs with the same label."""
    generator = np.random.default_rng(0)
    matrix, labels = generator.normal(size=(9, 4)) + 0.5, np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    given = answer(matrix.copy(), labels.copy())
    if given is None:
        return unanswered()
    if not _is_number(given):
        return wrong(f"the function returned {given!r}. Return one number: the mean over the pairs.")
    wanted = alignment(matrix, labels)
    if math.isclose(given, wanted, rel_tol=_CLOSE):
        return correct("that is alignment: small where rows of one label point the same way.")
    for value, hint in _alignment_mistakes(matrix, labels):
        if math.isclose(given, value, rel_tol=_CLOSE):
            return wrong(hint)
    return wrong(
        f"on a small example you return {given:.4f}, by hand it is {wanted:.4f}. Normalise, pair up, square, mean."
    )


def _alignment_mistakes(matrix: Array, labels: Array) -> list[tuple[float, str]]:
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    rows, others = np.triu_indices(len(labels), 1)
    same = labels[rows] == labels[others]

    def distances(points: Array) -> Array:
        return np.linalg.norm(points[rows] - points[others], axis=1)

    squared = distances(unit) ** 2
    ordered = labels[:, None] == labels[None]
    return [
        (float((distances(matrix)[same] ** 2).mean()), "you did not divide each vector by its length."),
        (float(distances(unit)[same].mean()), "you averaged distances; square them first."),
        (
            float(2 * squared[same].sum() / ordered.sum()),
            "you counted each row with itself: those pairs are 0 apart and lower the mean. Take pairs of two rows.",
        ),
        (float(squared.mean()), "you took all pairs. Alignment is about pairs with the same label."),
        (float(squared[same].sum()), "you added the pairs up; divide by how many there are."),
        (
            float(1 - squared[same].mean() / 2),
            "that is the mean cosine. The squared distance is 2 minus twice the cosine.",
        ),
    ]


STATEMENTS = {
    "a": "Training moved the classes apart: the groups lie further from each other on the right map.",
    "b": "The branch made the difference between the left and the right map.",
    "c": "Groups that are tighter on the right map are tighter in the feature space.",
    "d": "Rows that lie side by side on the right map are mostly of one class.",
}
_WHY_NOT = {
    "a": "distances between groups on two UMAP maps have no common scale, and far distances are the least kept.",
    "b": "the left map is before training, so all of training lies between. Only a baseline can tell of the branch.",
    "c": "UMAP evens out densities: how tight a group looks says little. Silhouette or alignment in the space would.",
}


@checker
def statement(answer: str, table: EmbeddingTable, points: Array) -> Verdict:
    """Which of STATEMENTS two UMAP maps allow, before training on the left and after it on the right.

    table, points: of the right map, on which the allowed sentence is counted.
    """
    letter = str(answer).strip().lower()
    if letter not in STATEMENTS:
        return wrong(f"{answer!r} is none of {', '.join(STATEMENTS)}. Assign one letter as a text.")
    if letter in _WHY_NOT:
        return wrong(f"not allowed: {_WHY_NOT[letter]}")
    found = neighbours_alike(table, points)
    return correct(f"near neighbours are what UMAP keeps. Counted on the right map: {found:.0%} of the 5 nearest are.")


def neighbours_alike(table: EmbeddingTable, points: Array, count: int = 5) -> float:
    """Share of the nearest neighbours on a map (Euclidean) that have the class of the row."""
    names = table.groups("class_name")
    squared = (points.astype(np.float64)[:, None] - points[None]) ** 2
    distance = squared.sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return float((names[nearest] == names[:, None]).mean())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.floating | np.integer) and math.isfinite(float(value))
