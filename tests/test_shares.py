"""The division of videos among processes: whole, balanced, and the same everywhere."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from clab_lite.shares import share_out


def busiest(lengths: list[int], owners: list[int], processes: int) -> int:
    return max(np.bincount(owners, weights=lengths, minlength=processes).astype(int), default=0)


def test_by_hand() -> None:
    assert share_out([4, 3, 2], 1) == [0, 0, 0]
    assert share_out([4, 3, 2], 2) == [0, 1, 1]
    assert share_out([2, 3, 4], 2) == [1, 1, 0]
    assert share_out([5, 5, 5, 5], 2) == [0, 1, 0, 1]
    assert share_out([7], 3) == [0]  # two have nothing to do
    assert share_out([0, 0], 2) == [0, 0]
    assert share_out([], 2) == []


@pytest.mark.parametrize("seed", range(30))
def test_at_most_four_thirds_of_the_best_division(seed: int) -> None:
    """The best one is found by trying all."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(0, 20, draw.integers(0, 7)).tolist()
    processes = int(draw.integers(1, 4))
    owners = share_out(lengths, processes)
    assert len(owners) == len(lengths)
    assert set(owners) <= set(range(processes))
    best = min(busiest(lengths, list(each), processes) for each in product(range(processes), repeat=len(lengths)))
    assert busiest(lengths, owners, processes) <= (4 / 3 - 1 / (3 * processes)) * best + 1e-9
    assert share_out(tuple(lengths), processes) == owners


def test_many_videos_are_nearly_even() -> None:
    """As the 555 validation videos of ImageNet VID: 6 to 2,898 frames, 176,126 in all."""
    lengths = np.random.default_rng(0).lognormal(5.3, 0.8, 555).astype(int).clip(6, 2898).tolist()
    for processes in (2, 8, 64):
        owners = share_out(lengths, processes)
        assert busiest(lengths, owners, processes) <= max(max(lengths), 1.01 * sum(lengths) / processes)
