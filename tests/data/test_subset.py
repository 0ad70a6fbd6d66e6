"""Splitting never separates snippets of one source video."""

from __future__ import annotations

import numpy as np
import pytest

from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.subset import split_by_source
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.errors import DataError


def index_of(names: list[str], tmp_path) -> VideoIndex:
    records = [VideoRecord(name, "still" in name) for name in names]
    for record in records:
        record.start_frame(64, 48)
        record.start_frame(64, 48)
    return VideoIndex(assemble(records, ("car",), []), tmp_path, tmp_path)


def test_sources_stay_together_and_nothing_is_lost(tmp_path):
    names = [f"train/b/ILSVRC2015_train_{source:05d}{part:03d}" for source in range(12) for part in range(3)]
    index = index_of([*names, "still_1"], tmp_path)
    rest, held_out = split_by_source(index, 0.25, seed=4)
    assert len(held_out) == 9
    assert not {v.source for v in rest.videos} & {v.source for v in held_out.videos}
    assert [v.name for v in rest.videos] == [n for n in index.table.names if n not in held_out.table.names]
    assert len(rest) + len(held_out) == len(index)
    assert "still_1" in rest.table.names
    again = split_by_source(index, 0.25, seed=4)[1]
    assert again.table.names == held_out.table.names
    others = [split_by_source(index, 0.25, seed=seed)[1].table.names for seed in range(5)]
    assert len(set(others)) > 1


def test_neither_part_is_empty(tree):
    index = open_dataset(tree.root, "train")  # two sources, three videos
    for fraction in (0.01, 0.99):
        rest, held_out = split_by_source(index, fraction, seed=0)
        assert len(rest) > 0
        assert len(held_out) > 0
        np.testing.assert_array_equal(np.sort([len(rest.key_frames), len(held_out.key_frames)]), [5, 10])


def test_what_cannot_be_split_is_said(tree):
    index = open_dataset(tree.root, "train")
    with pytest.raises(DataError, match="fraction is 1"):
        split_by_source(index, 1, seed=0)
    with pytest.raises(DataError, match="1 source video"):
        split_by_source(index.select([0, 1]), 0.5, seed=0)
