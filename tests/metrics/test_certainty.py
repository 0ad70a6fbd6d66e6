"""What intervals and comparisons promise: tables of Student's t, closed forms, and how often they are wrong."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from clab_lite.errors import DataError
from clab_lite.metrics.bootstrap import draw_resamples
from clab_lite.metrics.certainty import (
    MIN_SOURCES,
    Difference,
    Sources,
    compare,
    interval,
    student_outside,
    student_quantile,
)

MANY = Sources.of_class(10**5)
"""As good as infinitely many: nothing is widened."""


@pytest.mark.parametrize(
    ("freedom", "t95", "t99"),
    [
        (1, 12.7062, 63.6567),
        (2, 4.3027, 9.9248),
        (3, 3.1824, 5.8409),
        (4, 2.7764, 4.6041),
        (5, 2.5706, 4.0321),
        (9, 2.2622, 3.2498),
        (30, 2.0423, 2.7500),
        (120, 1.9799, 2.6174),
    ],
)
def test_student_as_in_the_tables(freedom: int, t95: float, t99: float) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(t95, abs=6e-5)
    assert student_quantile(0.99, freedom) == pytest.approx(t99, abs=6e-5)
    assert student_outside(t95, freedom) == pytest.approx(0.05, abs=1e-5)
    assert student_outside(0.0, freedom) == 1


def test_student_becomes_normal() -> None:
    assert student_quantile(0.95, 10**5) == pytest.approx(1.96, abs=1e-4)


def test_interval_is_the_middle_of_the_values() -> None:
    values = np.random.default_rng(0).permutation(np.arange(1001) / 1000)
    assert interval(values, MANY) == pytest.approx((0.025, 0.975), abs=1e-5)
    assert interval(values, MANY, 0.5) == pytest.approx((0.25, 0.75), abs=1e-5)
    assert interval(np.append(values, [math.nan] * 500), MANY) == pytest.approx((0.025, 0.975), abs=1e-5)
    assert interval(np.array([math.nan]), MANY) is None
    assert interval(np.zeros(0), MANY) is None


def test_interval_is_expanded_for_few_sources() -> None:
    """Draws that are exactly normal: sqrt(n / (n - 1)) * t standard deviations to either side (Hesterberg, 2015)."""
    values = np.array([NormalDist().inv_cdf(p) for p in (np.arange(100_000) + 0.5) / 100_000])
    for count, t95 in ((5, 2.7764), (6, 2.5706), (10, 2.2622), (31, 2.0423)):
        reach = math.sqrt(count / (count - 1)) * t95
        assert interval(values, Sources.of_class(count)) == pytest.approx((-reach, reach), abs=2e-3)


def test_too_few_sources_have_no_interval() -> None:
    values = np.random.default_rng(0).normal(1, 0.1, 500)
    for count in range(MIN_SOURCES):
        assert interval(values, Sources.of_class(count)) is None
        found = compare(np.zeros(500), values, 1.0, Sources.of_class(count))
        words = f"{count} source video{' is' if count == 1 else 's are'} too few"
        assert found == Difference(1.0, None, None, None, words)
    assert interval(values, Sources.of_class(MIN_SOURCES)) is not None


@pytest.mark.parametrize(
    ("per_class", "widening", "freedom"),
    [((8,), 8 / 7, 7), ((4,) * 5, 4 / 3, 15), ((2,) * 30, 2, 30), ((10, 5, 5), 0.5 / 0.41, 17)],
)
def test_a_mean_over_classes_is_widened_as_its_classes(
    per_class: tuple[int, ...], widening: float, freedom: int
) -> None:
    sources = Sources(sum(per_class), per_class)
    assert sources.widening**2 == pytest.approx(widening)
    assert sources.freedom == freedom
    assert sources.too_few is None
    assert Sources(6, (6, 6, 6)).reach(0.9) == pytest.approx(Sources.of_class(6).reach(0.9))  # all in all of them


@pytest.mark.parametrize("per_class", [(1,) * 30, (2,) * 10, (3, 3), (10, 10, 1)])
def test_classes_that_one_source_shows_do_not_vary_and_give_no_interval(per_class: tuple[int, ...]) -> None:
    sources = Sources(sum(per_class), per_class)
    assert sources.too_few == f"{sum(per_class)} source videos are too few for {len(per_class)} classes"
    assert interval(np.linspace(0, 1, 100), sources) is None


def sure(per_class: int, classes: int, worlds: int) -> float:
    """How often two detectors that are equally good are said to differ: the mean over classes of a normal deviation
    of each source, of `per_class` sources each."""
    rng, count = np.random.default_rng(0), per_class * classes
    sources = Sources(count, (per_class,) * classes)
    draws = draw_resamples(np.arange(count), 1000, 1).astype(float)
    member = np.repeat(np.eye(classes), per_class, axis=0)
    seen = draws @ member
    called = 0
    for _ in range(worlds):
        deviation = rng.normal(0, 1, (count, 1)) * member
        whole = deviation.sum(axis=0) / per_class
        drawn = np.where(seen > 0, (draws @ deviation) / np.maximum(seen, 1), whole).mean(axis=1)
        found = compare(np.zeros(len(drawn)), drawn, float(whole.mean()), sources)
        called += found.p_value is not None and found.p_value <= 0.05
    return called / worlds


@pytest.mark.parametrize(("per_class", "classes"), [(5, 1), (6, 1), (10, 1), (30, 1), (2, 20), (4, 4)])
def test_equal_detectors_are_rarely_said_to_differ(per_class: int, classes: int) -> None:
    """Without widening: 0.16 with 5 and 6 sources of one class, and 0.15 with 2 of each of many classes."""
    rate = sure(per_class, classes, 600)
    assert rate <= 0.08
    assert rate > 0.01 or per_class == MIN_SOURCES  # p is never below 2 / 2**5 there


def test_compare_pairs_the_resamples() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0.6, 0.1, 999)  # draws of hard videos are hard for both
    better = compare(hard, hard + 0.01 + rng.normal(0, 0.001, 999), 0.01, MANY)
    assert better.probability_better == 1.0
    assert better.p_value == pytest.approx(2 / 1000, rel=1e-3)
    assert better.interval is not None and 0 < better.interval[0] < 0.01 < better.interval[1] < 0.02
    worse = compare(hard + 0.01, hard, -0.01, MANY)
    assert (worse.probability_better, worse.value) == (0.0, -0.01)
    assert worse.p_value == pytest.approx(2 / 1000, rel=1e-3)
    same = compare(hard, hard, 0.0, MANY)
    assert same == Difference(0.0, (0.0, 0.0), 0.5, 1.0)
    other = compare(hard, rng.permutation(hard), 0.0, MANY)
    assert other.probability_better == pytest.approx(0.5, abs=0.06)
    assert other.p_value is not None and other.p_value > 0.5


def test_compare_counts_the_resamples_that_disagree() -> None:
    second = np.array([1.0] * 37 + [-1.0] * 2 + [math.nan])
    found = compare(np.zeros(40), second, 1.0, MANY)
    assert found.probability_better == pytest.approx(37 / 39)
    assert found.p_value == pytest.approx(2 * 3 / 40, rel=1e-3)


@pytest.mark.parametrize("count", [6, 10, 40])
def test_p_is_the_level_at_which_the_interval_touches_zero(count: int) -> None:
    values = np.random.default_rng(1).normal(1.6, 1, 200_000)
    sources = Sources.of_class(count)
    p_value = compare(np.zeros(len(values)), values, 1.6, sources).p_value
    assert p_value is not None
    span = interval(values, sources, 1 - p_value)
    assert span is not None
    assert span[0] == pytest.approx(0, abs=0.01)
    assert span[1] > 2


def test_p_is_at_least_that_of_tossed_coins() -> None:
    for count in (5, 6):
        found = compare(np.zeros(10**6), np.ones(10**6), 1.0, Sources.of_class(count))
        assert found.p_value == 2 / 2**count


def test_compare_without_draws_says_so() -> None:
    assert compare(np.zeros(0), np.zeros(0), 0.1, MANY).unsure == "no videos were drawn"


def test_compare_refuses_other_draws() -> None:
    with pytest.raises(DataError, match="3 and 4 resamples"):
        compare(np.zeros(3), np.zeros(4), 0.0, MANY)
