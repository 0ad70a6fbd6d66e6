"""Pairs share all but the contrast; the interval over seeds is Student's, and there is none for fewer than three."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from scipy import stats

from clab_lite.study.paired import MIN_SEEDS, over_seeds, pairs, unpaired, weight_off
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting

CONTRAST = {"start": 0.5, "shape": "cosine", "until": 0.25, "temperature": 0.5, "level": "object"}
"""Other values than those of a plain setting, of all that says how the contrast is used."""
SHARED = [field.name for field in fields(Setting) if field.name not in CONTRAST]


def run(setting: Setting, videos: str = "videos", weights: dict[int, float] | None = None) -> Record:
    """A record that measured nothing; weights: iteration -> weight of its moments."""
    moments = [Moment(iteration, weight, {}, {}) for iteration, weight in (weights or {0: setting.start}).items()]
    return Record(setting, {}, {}, tuple(moments), {}, videos, 1.0)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [-0.02, 0.01, 0.03, 0.005], [-4.0, -5.0, -4.5, -4.2, -4.1]])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_the_interval_is_that_of_student(values: list[float], level: float) -> None:
    found, truth = over_seeds(values, level), stats.ttest_1samp(values, 0.0)
    low, high = truth.confidence_interval(level)
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    assert found.p_value == pytest.approx(truth.pvalue)
    assert found.half == pytest.approx((high - low) / 2)
    assert found.enough
    assert found.certain == (truth.pvalue < 1 - level)


def test_the_interval_by_hand() -> None:
    """Mean 2, s = 1, t with 2 degrees of freedom 4.3027 (printed table)."""
    found = over_seeds([1.0, 2.0, 3.0])
    assert (found.low, found.high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.1]])
def test_fewer_than_three_have_no_interval(values: list[float]) -> None:
    found = over_seeds(values)
    assert len(values) < MIN_SEEDS == 3
    assert all(math.isnan(number) for number in (found.low, found.high, found.p_value, found.half))
    assert not found.enough and not found.certain
    assert found.mean == pytest.approx(0.1) if values else math.isnan(found.mean)


def test_undefined_values_are_left_out() -> None:
    assert over_seeds([1.0, math.nan, 2.0, 3.0]) == over_seeds([1.0, 2.0, 3.0])
    assert not over_seeds([1.0, math.nan, 2.0]).enough
    assert over_seeds([math.nan]).values == ()


def test_equal_values_are_certain_and_zeros_are_not() -> None:
    half, zero = over_seeds([0.5] * 3), over_seeds([0.0] * 3)
    assert (half.p_value, half.certain) == (0.0, True)
    assert (zero.p_value, zero.certain) == (1.0, False)


def test_a_pair_differs_in_the_contrast_only() -> None:
    base, plain, other = run(Setting(start=0.0)), run(Setting()), run(Setting(**CONTRAST))
    found = pairs([plain, base, other])
    assert [(pair.run, pair.baseline) for pair in found] == [(plain, base), (other, base)]
    assert unpaired([plain, base, other]) == []


@pytest.mark.parametrize("name", SHARED)
def test_a_baseline_of_another_seed_or_size_is_not_taken(name: str) -> None:
    setting = replace(Setting(), **{name: asdict(Setting())[name] + 1})
    records = [run(setting), run(Setting(start=0.0))]
    assert pairs(records) == []
    assert unpaired(records) == [records[0]]
    assert len(pairs([*records, run(setting.baseline())])) == 1


def test_a_baseline_judged_on_other_videos_is_not_taken() -> None:
    records = [run(Setting()), run(Setting(start=0.0), "other videos")]
    assert pairs(records) == []
    assert unpaired(records) == [records[0]]


def test_a_baseline_may_have_any_contrast_of_no_weight() -> None:
    usual, unusual = run(Setting(start=0.0)), run(Setting(**{**CONTRAST, "start": 0.0}))
    assert pairs([unusual, run(Setting())])[0].baseline is unusual
    for records in ([usual, unusual], [unusual, usual]):
        assert pairs([*records, run(Setting())])[0].baseline is usual


def test_moments_of_a_pair_are_of_the_same_step() -> None:
    with_branch = run(Setting(), weights={0: 0.005, 100: 0.0, 200: 0.0})
    base = run(Setting(start=0.0), weights={0: 0.0, 100: 0.0})
    (pair,) = pairs([with_branch, base])
    assert pair.beside(with_branch.moments[1]) is base.moments[1]
    assert pair.beside(with_branch.moments[2]) is None


def test_the_moment_when_the_weight_is_off() -> None:
    fading = run(Setting(), weights={0: 0.005, 100: 0.0, 200: 0.0})
    assert weight_off(fading) is fading.moments[1]
    assert weight_off(run(Setting(shape="constant"), weights={0: 0.005, 200: 0.005})) is None
