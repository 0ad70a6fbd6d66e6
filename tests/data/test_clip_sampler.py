"""The order of training: every key once per pass, the same from any starting point, split over ranks."""

from __future__ import annotations

from itertools import islice

import pytest

from clab_lite.data.clip_sampler import ClipSampler
from clab_lite.errors import DataError


def first(sampler, count):
    return list(islice(sampler, count))


def test_each_pass_shows_every_key_once():
    items = [item for batch in first(ClipSampler(10, 3, seed=1), 20) for item in batch]
    assert [position for position, _ in items] == list(range(60))
    passes = [tuple(key for _, key in items[start : start + 10]) for start in range(0, 60, 10)]
    assert all(sorted(keys) == list(range(10)) for keys in passes)
    assert len(set(passes)) == 6  # in a new order each time


def test_starting_later_continues_exactly():
    straight = first(ClipSampler(7, 2, seed=5), 30)
    assert first(ClipSampler(7, 2, seed=5, start_iteration=13), 17) == straight[13:]


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_together_see_the_joined_batch(ranks):
    joined = first(ClipSampler(11, 2 * ranks, seed=3), 9)
    parts = [first(ClipSampler(11, 2, seed=3, rank=rank, world_size=ranks), 9) for rank in range(ranks)]
    assert [[item for part in parts for item in part[i]] for i in range(9)] == joined


def test_a_batch_may_be_larger_than_the_dataset():
    assert sorted(key for _, key in ClipSampler(2, 5, seed=0).batch(0)) in ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])


def test_seeds_differ():
    assert first(ClipSampler(50, 4, seed=0), 5) != first(ClipSampler(50, 4, seed=1), 5)


def test_nothing_to_sample_is_said():
    with pytest.raises(DataError, match="no key frame"):
        ClipSampler(0, 2, seed=0)
    with pytest.raises(DataError, match="rank 2 of 2"):
        ClipSampler(5, 2, seed=0, rank=2, world_size=2)
