"""Silhouette, neighbour purity, alignment and uniformity: unit vectors at known angles, and slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.clusters import alignment, knn_purity, silhouette, uniformity


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


def test_alignment_closed_form() -> None:
    """Unit vectors at an angle are 2 - 2 cos apart, squared: 1 at 60 degrees, 2 at 90, 4 at 180."""
    assert alignment(_at_angles(0, 60, 90, 270), [0, 0, 1, 1]) == pytest.approx((1 + 4) / 2)
    assert alignment(_at_angles(0, 90, 180), [0, 0, 0]) == pytest.approx((2 + 2 + 4) / 3)
    assert alignment(_at_angles(0, 60, 10), [0, 0, 1]) == pytest.approx(1)  # who is alone has no pair
    assert alignment(_at_angles(5, 5, 80, 80), ["a", "a", "b", "b"]) == pytest.approx(0, abs=1e-12)
    assert math.isnan(alignment(_at_angles(0, 90), [0, 1]))
    assert math.isnan(alignment(np.zeros((0, 4)), []))


def test_uniformity_closed_form() -> None:
    assert uniformity(_at_angles(0, 90)) == pytest.approx(-2 * 2)
    assert uniformity(_at_angles(0, 180)) == pytest.approx(-2 * 4)
    assert uniformity(_at_angles(30, 30, 30)) == pytest.approx(0, abs=1e-12)
    assert uniformity(_at_angles(0, 90, 180)) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    assert math.isnan(uniformity(_at_angles(0)))
    assert math.isnan(uniformity(np.zeros((0, 3))))


@pytest.mark.parametrize("block", [1, 7, 40, 1024])
def test_alignment_and_uniformity_slow_twins(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clab_lite.metrics.clusters._BLOCK", block)
    matrix, labels = _random(block)
    matrix[0] = 0.0  # a vector without direction
    labels[1] = 9  # a label with one member
    unit = matrix / np.where(np.linalg.norm(matrix, axis=1) > 0, np.linalg.norm(matrix, axis=1), 1)[:, None]
    pairs = [(i, j) for i in range(len(unit)) for j in range(i)]
    squared = {(i, j): float(((unit[i] - unit[j]) ** 2).sum()) for i, j in pairs}
    same = [squared[i, j] for i, j in pairs if labels[i] == labels[j]]
    assert alignment(matrix, labels) == pytest.approx(np.mean(same))
    assert uniformity(matrix) == pytest.approx(math.log(np.mean([math.exp(-2 * d) for d in squared.values()])))


def test_length_and_order_change_nothing() -> None:
    matrix, labels = _random(5)
    order = np.random.default_rng(0).permutation(len(labels))
    stretched = matrix * np.linspace(0.1, 9, len(labels))[:, None]
    assert alignment(stretched[order], labels[order]) == pytest.approx(alignment(matrix, labels))
    assert uniformity(stretched[order]) == pytest.approx(uniformity(matrix))


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="do not fit"):
        silhouette(np.zeros((3, 2)), [0, 1])
    with pytest.raises(DataError, match="do not fit"):
        alignment(np.zeros((3, 2)), [0, 1])
    with pytest.raises(DataError, match="row 1 is not finite"):
        uniformity([[0.0, 1.0], [math.nan, 0.0]])
    with pytest.raises(DataError, match="row 1 is not finite"):
        knn_purity([[0.0, 1.0], [math.nan, 0.0]], [0, 1])
    with pytest.raises(DataError, match="both `video` and `frame`"):
        knn_purity(np.ones((2, 2)), [0, 1], video=[0, 1])
