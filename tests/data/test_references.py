"""Reference samplers against the tables recorded from the official code (goldens/official/sampling.json)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from clab_lite.data.references import adaptive_references, bilateral_uniform, past_references, sliding_references
from clab_lite.errors import DataError

SAMPLING = json.loads((Path(__file__).parents[1] / "goldens/official/sampling.json").read_text())


def test_adaptive_equals_the_official_table():
    rows = [row for row in SAMPLING["adaptive_14"]["rows"] if row["frame_id"] == 0]
    assert len(rows) >= 8
    for row in rows:
        assert adaptive_references(row["video_len"], 14) == row["ref_frame_ids"], row


def test_sliding_window_equals_the_official_memory():
    """At frame 0 the official code loads the whole window, later one new frame: the window's last."""
    for row in SAMPLING["fixed_30_stride1"]["rows"]:
        frame, length, expected = row["frame_id"], row["video_len"], row["ref_frame_ids"]
        window = sliding_references(frame, length, 30)
        if frame == 0:
            assert [*window[:15], frame, *window[15:]] == expected, row
        else:
            assert [window[-1]] * 2 == expected, row


def test_bilateral_equals_the_official_draws():
    for row in SAMPLING["bilateral_2_range9"]["rows"]:
        rng = random.Random(row["seed"])
        assert bilateral_uniform(row["frame_id"], row["video_len"], 2, 9, rng) == row["ref_frame_ids"], row


def test_range_zero_copies_the_key():
    for row in SAMPLING["det_range0"]["rows"]:
        drawn = bilateral_uniform(row["frame_id"], row["video_len"], 2, 0, random.Random(0))
        assert drawn == row["ref_frame_ids"], row


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_any_count_gives_that_many_neighbours(count):
    for length in (2, 3, 8, 40):
        for frame in (0, 1, length // 2, length - 1):
            drawn = bilateral_uniform(frame, length, count, 9, random.Random(length))
            assert len(drawn) == count
            assert all(0 < abs(drawn_frame - frame) <= 9 and 0 <= drawn_frame < length for drawn_frame in drawn)
            assert len(sliding_references(frame, length, count)) == count


def test_four_references_lie_two_on_each_side_and_differ():
    drawn = bilateral_uniform(20, 41, 4, 9, random.Random(3))
    assert len(set(drawn)) == 4
    assert [reference < 20 for reference in drawn] == [True, True, False, False]


def test_one_reference_at_the_last_frame_comes_from_before_it():
    assert bilateral_uniform(9, 10, 1, 1, random.Random(0)) == [8]
    assert bilateral_uniform(4, 10, 1, 1, random.Random(0)) == [5]


def test_small_counts_of_adaptive_references():
    assert adaptive_references(9, 1) == [4]
    assert adaptive_references(9, 2) == [0, 8]


def test_past_references_are_the_frames_right_before():
    assert past_references(0, 3) == [0, 0, 0]
    assert past_references(2, 3) == [0, 0, 1]
    assert past_references(50, 3) == [47, 48, 49]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adaptive_references(0), "frame_count is 0"),
        (lambda: sliding_references(5, 5), "frame 5 is outside the video. Use 0 to 4"),
        (lambda: past_references(-1), "frame -1 is outside the video"),
        (lambda: past_references(1, 0), "count is 0"),
        (lambda: bilateral_uniform(0, 5, 0, 9, random.Random(0)), "count is 0"),
        (lambda: bilateral_uniform(0, 5, 2, -1, random.Random(0)), "frame_range is -1"),
    ],
)
def test_impossible_requests_say_what_is_wrong(call, message):
    with pytest.raises(DataError, match=message):
        call()
