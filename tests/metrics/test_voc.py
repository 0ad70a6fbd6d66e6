"""MEGA and FGFA against the goldens, and their rules one by one on boxes placed by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from golden_cases import CASES, load_case
from golden_numbers import difference, numbers

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.average_precision import accumulate, accumulate_all
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE
from clab_lite.metrics.voc import Range, fgfa_outcomes, mega_outcomes, motion_ranges

NOTHING = Detections.of([], [], [], [])
BLOCKS = {"mega": 1e-6, "mega_motion": 1e-6, "fgfa": 1e-9, "fgfa_motion": 1e-9}
"""Tolerance: MEGA's golden numbers come from float32."""


@pytest.mark.parametrize("case", [case for case in CASES if case != "ties"])
def test_equals_golden(case: str) -> None:
    content = load_case(case)
    for block, tolerance in BLOCKS.items():
        for name, pair in numbers(content, block):
            assert difference(pair) <= tolerance, (block, name, pair)


def test_equals_golden_up_to_the_order_of_equal_scores() -> None:
    """Both evaluators sort equal scores in an order of their own; only means are comparable."""
    content = load_case("ties")
    for block in BLOCKS:
        for name, pair in numbers(content, block):
            assert difference(pair) <= (2e-2 if "mean" in name else 0.1), (block, name, pair)


def test_where_the_official_evaluators_crash() -> None:
    """Without detections AP is 0, without ground truth it is undefined, and says why."""
    case = load_case("no_detections")
    for outcomes in (mega_outcomes, fgfa_outcomes):
        scores = accumulate_all(outcomes([], case.truth, case.frames, 30))
        assert scores["all"].mean() == scores["slow"].mean() == 0.0
        assert scores["all"].undefined is None
        assert math.isnan(scores["fast"].mean())
        assert "no ground truth" in (scores["fast"].undefined or "")
    case = load_case("no_gt")
    for outcomes in (mega_outcomes, fgfa_outcomes):
        scores = accumulate_all(outcomes([case.detections], case.truth, case.frames, 30))
        assert all(math.isnan(column.mean()) for column in scores.values())


def _frames(count: int = 1) -> Frames:
    return Frames.of([100] * count, [80] * count, [0] * count)


def _codes(outcomes, found: list, truth: list, frames: Frames | None = None, **options) -> list[int]:
    """Codes in the first column; found: (image, label, box, score), truth: (image, label, box)."""
    detections = Detections.of(*(zip(*found, strict=True) if found else ([], [], [], [])))
    boxes = GroundTruth.of(*(zip(*truth, strict=True) if truth else ([], [], [])))
    return outcomes([detections], boxes, frames or _frames(), 3, **options).code[0].tolist()


def test_width_conventions() -> None:
    """8 of 18 columns: with continuous coordinates IoU 8/18; with one pixel more 9/19, with two 10/20."""
    found, truth = [(0, 0, [10, 0, 23, 79], 1.0)], [(0, 0, [15, 0, 28, 79])]
    assert _codes(fgfa_outcomes, found, truth) == [FALSE]
    assert _codes(mega_outcomes, found, truth) == [TRUE]


def test_mega_cuts_ground_truth_off_at_the_frame() -> None:
    found, truth = [(0, 0, [-2, -2, 20, 20], 1.0)], [(0, 0, [-40, -40, 20, 20])]
    assert _codes(mega_outcomes, found, truth) == [TRUE]
    assert _codes(fgfa_outcomes, found, truth) == [FALSE]
    found, truth = [(0, 0, [80, 60, 99, 79], 1.0)], [(0, 0, [80, 60, 140, 120])]
    assert _codes(mega_outcomes, found, truth) == [TRUE]
    assert _codes(mega_outcomes, found, truth, Frames.of([200], [200], [0])) == [FALSE]


@pytest.mark.parametrize(("side", "outside", "line"), [
    ("left", [-60, 100, -10, 200], 0),
    ("right", [650, 100, 700, 200], 639),
    ("above", [100, -60, 200, -10], 0),
    ("below", [100, 490, 200, 560], 479),
])  # fmt: skip
def test_mega_moves_ground_truth_beside_the_frame_to_its_edge(side: str, outside: list[int], line: int) -> None:
    """What is left is the frame's last row or column, 2 wide; boxes 4 wide around it overlap by half, one of 5 less."""
    low_side = 0 if side in ("left", "right") else 1
    for low, high, code in ((-2, 0, TRUE), (-1, 1, TRUE), (0, 2, TRUE), (-3, 0, FALSE), (0, 3, FALSE)):
        box = [100, 100, 200, 200]
        box[low_side], box[low_side + 2] = line + low, line + high
        found, truth = [(0, 0, box, 1.0)], [(0, 0, outside)]
        assert _codes(mega_outcomes, found, truth, Frames.of([640], [480], [0])) == [code], (low, high)
        assert _codes(fgfa_outcomes, found, truth, Frames.of([640], [480], [0])) == [FALSE]


def test_fgfa_asks_less_of_small_objects() -> None:
    """10 x 10 pixels: an IoU of 100 / 400 is enough."""
    truth = [(0, 0, [0, 0, 9, 9])]
    assert _codes(fgfa_outcomes, [(0, 0, [0, 0, 9, 2], 1.0)], truth) == [TRUE]  # 0.3
    assert _codes(fgfa_outcomes, [(0, 0, [0, 0, 9, 1.5], 1.0)], truth) == [TRUE]  # 0.25
    assert _codes(fgfa_outcomes, [(0, 0, [0, 0, 9, 1], 1.0)], truth) == [FALSE]  # 0.2
    assert _codes(mega_outcomes, [(0, 0, [0, 0, 9, 2], 1.0)], truth) == [FALSE]


def test_no_cap_on_detections() -> None:
    found = [(0, 0, [50, 50, 60, 60], 1 - i / 300) for i in range(150)] + [(0, 0, [0, 0, 20, 20], 0.1)]
    for outcomes in (mega_outcomes, fgfa_outcomes):
        assert _codes(outcomes, found, [(0, 0, [0, 0, 20, 20])])[-1] == TRUE


IGNORE_SECOND = {"column": Range(np.array([False, True]), 0.25)}
LEFT, RIGHT = [0, 0, 30, 30], [50, 0, 80, 30]


def test_near_an_ignored_truth_is_dropped() -> None:
    truth = [(0, 0, LEFT), (0, 0, RIGHT)]
    found = [(0, 0, RIGHT, 0.9), (0, 0, [52, 0, 82, 30], 0.8), (0, 0, [2, 0, 32, 30], 0.7), (0, 0, LEFT, 0.95)]
    for outcomes in (mega_outcomes, fgfa_outcomes):
        assert _codes(outcomes, found, truth, ranges=IGNORE_SECOND) == [DROPPED, DROPPED, FALSE, TRUE]


def _shifted(*pixels: int) -> list[list[int]]:
    """Boxes of 40 x 40 pixels side by side; a shift of 8 is an IoU of 0.68, one of 16 less than 0.5."""
    return [[36 + shift, 20, 76 + shift, 60] for shift in pixels]


def _tied(outcomes, ignored: list[bool]) -> list[int]:
    """Codes of four detections; the second lies between the first two ground truths, then one lies beside each of
    them. The first detection takes the last ground truth.
    """
    truth = GroundTruth.of([0] * 3, [0] * 3, _shifted(-8, 8, 16))
    found = Detections.of([0] * 4, [0] * 4, _shifted(16, 0, -16, 16), [0.95, 0.9, 0.8, 0.7])
    ranges = {"column": Range(np.array(ignored))}
    return outcomes([found], truth, Frames.of([200], [200], [0]), 1, ranges=ranges).code[0].tolist()


def test_equal_overlaps() -> None:
    """MEGA: the first that counts, or else the last. FGFA: the first."""
    assert _tied(mega_outcomes, [False, False, False]) == [TRUE, TRUE, FALSE, TRUE]
    assert _tied(mega_outcomes, [True, False, False]) == [TRUE, TRUE, DROPPED, FALSE]
    assert _tied(mega_outcomes, [True, True, False]) == [TRUE, DROPPED, DROPPED, FALSE]
    assert _tied(fgfa_outcomes, [False, False, False]) == [TRUE, TRUE, FALSE, TRUE]
    assert _tied(fgfa_outcomes, [True, False, False]) == [TRUE, DROPPED, DROPPED, TRUE]
    assert _tied(fgfa_outcomes, [True, True, False]) == [TRUE, DROPPED, DROPPED, DROPPED]


def test_equal_overlaps_of_different_sizes() -> None:
    """MEGA: 42 columns around 36, or inside 49, are 6/7 both times; the first that counts is the larger one."""
    truth = [(0, 0, [40, 20, 74, 60]), (0, 0, [32, 20, 79, 60])]
    found = [(0, 0, [36, 20, 76, 60], 1.0)]
    for area, code in (((0, 1e10), TRUE), ((1500, 1e10), TRUE), ((0, 1500), TRUE), ((3000, 1e10), DROPPED)):
        assert _codes(mega_outcomes, found, truth, ranges={"x": Range(np.zeros(2, bool), area=area)}) == [code], area


def test_weights_of_false_positives() -> None:
    """Far from both truths of its class: half. A class or frame without truth: see the rules."""
    truth = GroundTruth.of([0, 0], [0, 0], [LEFT, RIGHT])
    far = [90, 60, 99, 79]
    found = Detections.of([0, 0, 1], [0, 1, 1], [far, LEFT, far], [0.9, 0.8, 0.7])
    for outcomes, weights in ((mega_outcomes, [0.5, 0.25, 0.25]), (fgfa_outcomes, [0.5, 1.0, 0.25])):
        result = outcomes([found], truth, _frames(2), 3, ranges=IGNORE_SECOND)
        assert result.weights[result.code[0]].tolist() == weights
    empty = {"column": Range(np.array([False, True]), 0.0)}
    for outcomes, weights in ((mega_outcomes, [0.5, 1.0, 1.0]), (fgfa_outcomes, [0.5, 1.0, 0.0])):
        result = outcomes([found], truth, _frames(2), 3, ranges=empty)
        assert result.weights[result.code[0]].tolist() == weights


def test_weighted_average_precision_by_hand() -> None:
    """A false positive of weight 1/4 before the only true one: precision 1 / 1.25 at recall 1."""
    truth = GroundTruth.of([0], [0], [LEFT])
    found = Detections.of([1, 0], [0, 0], [LEFT, LEFT], [0.9, 0.8])
    found = found.rows(np.array([1, 0]))
    scores = accumulate(mega_outcomes([found], truth, _frames(2), 1, ranges={"x": Range(np.zeros(1, bool), 0.25)}), "x")
    assert scores.mean() == pytest.approx(1 / 1.25, abs=1e-12)
    assert (scores.recall.tolist(), scores.truths.tolist()) == ([1.0], [1])


def test_area_range() -> None:
    """FGFA: a truth of another size does not count, a match with it and an unmatched detection of another size fall
    away; nearness does not look at sizes.
    """
    truth = [(0, 0, LEFT), (0, 0, [50, 0, 59, 9])]
    found = [(0, 0, LEFT, 0.9), (0, 0, [50, 0, 59, 9], 0.8), (0, 0, [60, 40, 90, 70], 0.7), (0, 0, [0, 60, 9, 69], 0.6)]
    small = {"small": Range(np.zeros(2, bool), area=(0, 400))}
    for outcomes in (mega_outcomes, fgfa_outcomes):
        assert _codes(outcomes, found, truth, ranges=small) == [DROPPED, TRUE, DROPPED, FALSE]
        exact = {"exact": Range(np.zeros(2, bool), area=(10 * 10, 31 * 31))}
        assert _codes(outcomes, found, truth, ranges=exact) == [TRUE, TRUE, FALSE, FALSE]


def test_a_crowd_is_not_to_be_found() -> None:
    truth = GroundTruth.of([0, 0], [0, 0], [LEFT, RIGHT], crowd=[False, True])
    found = Detections.of([0, 0], [0, 0], [LEFT, RIGHT], [0.9, 0.8])
    for outcomes in (mega_outcomes, fgfa_outcomes):
        result = outcomes([found], truth, _frames(), 1)
        assert result.code[0].tolist() == [TRUE, DROPPED]
        assert result.counted[0].tolist() == [True, False]


def test_motion_ranges() -> None:
    truth = GroundTruth.of([0, 0, 2, 2], [0] * 4, [LEFT] * 4, motion=[0.95, 0.5, 0.8, math.nan])
    ranges = motion_ranges(truth, _frames(4))  # frames 1 and 3 are empty: two motions of 0
    assert {name: chosen.ignored.tolist() for name, chosen in ranges.items()} == {
        "all": [False] * 4,
        "slow": [False, True, True, False],
        "medium": [True, True, False, False],
        "fast": [True, False, True, False],
    }
    weights = {name: chosen.empty_weight for name, chosen in ranges.items()}
    assert weights == pytest.approx({"all": 1, "slow": 1 / 6, "medium": 1 / 6, "fast": 3 / 6})
    assert list(motion_ranges(replace(truth, motion=None), _frames(4))) == ["all"]
    edges = GroundTruth.of([0] * 4, [0] * 4, [LEFT] * 4, motion=[0.0, 0.7, 0.9, 1.0])
    ignored = {name: chosen.ignored.tolist() for name, chosen in motion_ranges(edges, _frames()).items()}
    assert ignored["slow"] == [True, True, False, False]
    assert ignored["medium"] == [True, False, False, True]
    assert ignored["fast"] == [False, False, True, True]
    nothing = GroundTruth.of([], [], [], motion=[])
    assert motion_ranges(nothing, Frames.of([], [], []))["slow"].empty_weight == 0.0


def test_bad_input_is_named() -> None:
    truth = GroundTruth.of([3], [0], [LEFT])
    with pytest.raises(DataError, match=r"row 0: frame 3 of 2"):
        mega_outcomes([], truth, _frames(2), 1)
    with pytest.raises(DataError, match=r"range 'x': 2 rows for 1"):
        fgfa_outcomes([], truth, _frames(4), 1, ranges={"x": Range(np.zeros(2, bool))})
    with pytest.raises(DataError, match=r"frames: 1, 2, 1 rows"):
        Frames.of([1], [1, 2], [0])
