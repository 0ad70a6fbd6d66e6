"""Checkers of lesson 08: the right answers, and each mistake that they name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clab_lite.embeddings import EmbeddingTable
from clab_lite.lessons.maps import check


def _purity(leave_out: Callable[..., Any], sign: int = -1, divide: bool = True) -> Callable[..., float]:
    def answer(similarity: Any, labels: Any, video: Any, frame: Any, k: int) -> float:
        shares = []
        for i in range(len(labels)):
            out = leave_out(i, video, frame)
            order = [j for j in np.argsort(sign * similarity[i], kind="stable") if not out[j]][:k]
            shares.append(sum(labels[j] == labels[i] for j in order) / (k if divide else 1))
        return float(np.mean(shares))

    return answer


def _adjacent(i: int, video: Any, frame: Any) -> Any:
    return (video == video[i]) & (np.abs(frame - frame[i]) <= 1)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (_purity(_adjacent), "correct: each row asked"),
        (_purity(lambda _, video, __: video != video), "you counted the row itself"),
        (_purity(lambda i, video, _: np.arange(len(video)) == i), "but not the adjacent frames"),
        (_purity(lambda i, _, frame: np.abs(frame - frame[i]) <= 1), "of every video"),
        (_purity(lambda i, video, _: video == video[i]), "whole own video"),
        (_purity(_adjacent, sign=1), "least similar"),
        (_purity(_adjacent, divide=False), "divide by k"),
        (lambda *_: 0.123, "you return 0.1230"),
        (lambda *_: "much", "Return one number"),
        (lambda *_: None, "not answered yet"),
        (None, "not answered yet"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_purity(answer: Any, word: str) -> None:
    assert word in str(check.purity(answer))


def _pairs(labels: Any, itself: bool = False) -> list[tuple[int, int]]:
    return [(i, j) for i in range(len(labels)) for j in range(i + itself) if labels[i] == labels[j]]


def _unit(matrix: Any) -> Any:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def _mean(points: Any, pairs: list[tuple[int, int]], power: int = 2) -> float:
    return float(np.mean([np.linalg.norm(points[i] - points[j]) ** power for i, j in pairs]))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda m, y: _mean(_unit(m), _pairs(y)), "correct: that is alignment"),
        (lambda m, y: _mean(m, _pairs(y)), "did not divide each vector"),
        (lambda m, y: _mean(_unit(m), _pairs(y), power=1), "square them first"),
        (
            lambda m, y: _mean(_unit(m), [(i, j) for i in range(9) for j in range(9) if y[i] == y[j]]),
            "each row with itself",
        ),
        (lambda m, y: _mean(_unit(m), _pairs(np.zeros(len(y)))), "you took all pairs"),
        (lambda m, y: _mean(_unit(m), _pairs(y)) * len(_pairs(y)), "divide by how many"),
        (lambda m, y: float(np.mean([_unit(m)[i] @ _unit(m)[j] for i, j in _pairs(y)])), "mean cosine"),
        (lambda *_: 7.0, "you return 7.0000"),
        (lambda *_: [1.0], "Return one number"),
        (lambda *_: None, "not answered yet"),
    ],
)
def test_alignment(answer: Any, word: str) -> None:
    assert word in str(check.aligned(answer))


def test_statement() -> None:
    points = np.array([[0, 0], [0, 1], [9, 0], [9, 1]] * 3, np.float32)
    names = ["dog", "dog", "car", "car"] * 3
    frames = pd.DataFrame({"video": range(12), "frame": 0, "track": 0, "class_name": names})
    table = EmbeddingTable(frames, np.ones((12, 2), np.float32), "object")
    assert check.statement("d", table, points).ok
    assert "100% of the 5 nearest" in str(check.statement(" D ", table, points))
    for letter, word in (("a", "no common scale"), ("b", "baseline"), ("c", "densities"), ("e", "none of a, b, c, d")):
        assert word in str(check.statement(letter, table, points))
    assert "not answered yet" in str(check.statement(None, table, points))
