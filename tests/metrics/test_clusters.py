"""Silhouette and neighbour purity: unit vectors at known angles, and slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.clusters import knn_purity, silhouette


def _at_angles(*degrees: float) -> NDArray[np.float64]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def _random(seed: int, count: int = 40) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    return generator.normal(size=(count, 5)) + labels[:, None], labels


def test_silhouette_closed_form() -> None:
    """Two pairs of 60 degrees: a = 1 - cos 60 = 1/2, b is the mean of 1 - cos over the two cross angles."""
    matrix, labels = _at_angles(0, 60, 180, 240), [0, 0, 1, 1]
    outer = 1 - (math.cos(math.radians(180)) + math.cos(math.radians(120))) / 2
    inner = 1 - (math.cos(math.radians(120)) + math.cos(math.radians(180))) / 2
    assert outer == inner
    assert silhouette(matrix, labels) == pytest.approx((outer - 0.5) / outer)
    assert silhouette(matrix * [[1.0], [7.0], [0.1], [3.0]], labels) == pytest.approx((outer - 0.5) / outer)


def test_silhouette_extremes() -> None:
    assert silhouette(_at_angles(0, 0, 90, 90), [0, 0, 1, 1]) == pytest.approx(1.0)
    assert silhouette(_at_angles(0, 0, 0, 0), [0, 0, 1, 1]) == pytest.approx(0.0)
    assert silhouette(_at_angles(0, 90, 180), [0, 1, 2]) == 0.0  # every point alone
    assert math.isnan(silhouette(_at_angles(0, 90), [3, 3]))
    assert math.isnan(silhouette(np.zeros((0, 4)), []))


@pytest.mark.parametrize("seed", range(3))
def test_silhouette_slow_twin(seed: int) -> None:
    matrix, labels = _random(seed)
    matrix[0] = 0.0  # a vector without direction
    labels[1] = 9  # a label with one member
    unit = matrix / np.where(np.linalg.norm(matrix, axis=1) > 0, np.linalg.norm(matrix, axis=1), 1)[:, None]
    values = []
    for i in range(len(unit)):
        distance = {
            name: [1 - unit[i] @ unit[j] for j in range(len(unit)) if j != i and labels[j] == name] for name in labels
        }
        own = distance.pop(labels[i])
        if not own:
            values.append(0.0)
            continue
        a, b = np.mean(own), min(np.mean(other) for other in distance.values())
        values.append((b - a) / max(a, b))
    assert silhouette(matrix, labels) == pytest.approx(np.mean(values))


def test_purity_by_hand() -> None:
    matrix, labels = _at_angles(0, 10, 30, 90, 100), [0, 0, 1, 1, 1]
    # Nearest of each: 0 -> 10, 10 -> 0, 30 -> 10 (wrong), 90 -> 100, 100 -> 90.
    assert knn_purity(matrix, labels, 1) == pytest.approx(4 / 5)


def test_purity_leaves_adjacent_frames_out() -> None:
    """Frames 0 and 1 of a video look alike. Without them every neighbour is of the other class."""
    matrix, labels = _at_angles(0, 1, 3, 4), [0, 0, 1, 1]
    video, frame = ["a", "a", "b", "b"], [0, 1, 0, 1]
    assert knn_purity(matrix, labels, 1) == 1.0
    assert knn_purity(matrix, labels, 1, video=video, frame=frame) == 0.0
    assert knn_purity(matrix, labels, 1, video=video, frame=frame, gap=-1) == 1.0
    assert knn_purity(matrix, labels, 1, video=["a", "b", "c", "d"], frame=frame) == 1.0
    assert math.isnan(knn_purity(matrix, labels, 1, video=["a"] * 4, frame=[0, 1, 0, 1]))


@pytest.mark.parametrize("seed", range(3))
def test_purity_slow_twin(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clab_lite.metrics.clusters._BLOCK", 7)
    matrix, labels = _random(seed)
    generator = np.random.default_rng(seed)
    video, frame = generator.integers(0, 3, len(labels)), generator.integers(0, 6, len(labels))
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    values = []
    for i in range(len(unit)):
        others = [
            j
            for j in range(len(unit))
            if j != i and not (video[i] == video[j] and abs(int(frame[i]) - int(frame[j])) <= 1)
        ]
        others.sort(key=lambda j: -(unit[i] @ unit[j]))
        values.append(np.mean([labels[j] == labels[i] for j in others[:5]]))
    assert knn_purity(matrix, labels, 5, video=video, frame=frame) == pytest.approx(np.mean(values))


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="do not fit"):
        silhouette(np.zeros((3, 2)), [0, 1])
    with pytest.raises(DataError, match="row 1 is not finite"):
        knn_purity([[0.0, 1.0], [math.nan, 0.0]], [0, 1])
    with pytest.raises(DataError, match="both `video` and `frame`"):
        knn_purity(np.ones((2, 2)), [0, 1], video=[0, 1])
