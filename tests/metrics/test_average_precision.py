"""Average precision from outcomes: a plain twin, closed forms and invariances."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clab_lite.metrics.average_precision import accumulate, accumulate_all, best_first, precision_at_recalls
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes

HALF = 3
"""Code of a false positive that weighs one half."""


def outcomes_of(score: list, code: list, truths: int, points: str = "101") -> Outcomes:
    """One class, one column called "x"."""
    return Outcomes(
        columns=("x",),
        score=np.array(score, float),
        label=np.zeros(len(score), np.uint8),
        image=np.zeros(len(score), np.int32),
        code=np.array([code], np.uint8).reshape(1, -1),
        weights=np.array([0, 0, 1, 0.5]),
        truth_label=np.zeros(truths, np.uint8),
        truth_image=np.zeros(truths, np.int32),
        counted=np.ones((1, truths), bool),
        num_classes=1,
        points=points,
    )


def random_outcomes(seed: int, points: str) -> Outcomes:
    """Three columns, four classes, one of them without truth, scores with ties."""
    rng = np.random.default_rng(seed)
    count, truths = 120, 40
    code = rng.choice([DROPPED, TRUE, FALSE, HALF], (3, count), p=[0.2, 0.2, 0.4, 0.2]).astype(np.uint8)
    label = rng.integers(0, 4, count)
    code[:, label == 2] = FALSE
    return replace(
        outcomes_of([0.0] * count, [0] * count, truths, points),
        columns=("a", "b", "c"),
        score=rng.integers(0, 30, count) / 30,
        label=label.astype(np.uint8),
        code=code,
        truth_label=rng.choice([0, 1, 3], truths).astype(np.uint8),
        counted=rng.random((3, truths)) < 0.9,
        num_classes=4,
    )


def plain_curve(outcomes: Outcomes, column: int, label: int) -> tuple[list[float], list[float], int]:
    """Recall and precision after every detection."""
    truths = sum(bool(c) for c, own in zip(outcomes.counted[column], outcomes.truth_label, strict=True) if own == label)
    rows = [row for row in range(len(outcomes)) if outcomes.label[row] == label]
    rows.sort(key=lambda row: -outcomes.score[row])
    right = wrong = 0.0
    recall, precision = [], []
    for row in rows:
        right += outcomes.code[column, row] == TRUE
        wrong += outcomes.weights[outcomes.code[column, row]]
        recall.append(right / max(truths, 1))
        precision.append(right / (right + wrong) if right else 0.0)
    return recall, precision, truths


@pytest.mark.parametrize("points", ["101", "all"])
@pytest.mark.parametrize("seed", range(6))
def test_slow_twin(seed: int, points: str) -> None:
    outcomes = random_outcomes(seed, points)
    for k, (name, scores) in enumerate(accumulate_all(outcomes).items()):
        at_points = precision_at_recalls(outcomes, name)
        for label in range(4):
            recall, precision, truths = plain_curve(outcomes, k, label)
            assert scores.truths[label] == truths
            if not truths:
                assert math.isnan(scores.ap[label]) and np.isnan(at_points[label]).all()
                continue
            best = [max(precision[i:]) for i in range(len(precision))]
            # The ramp of pycocotools: its point 70 is 0.7 + 1e-16, which 7 of 10 does not reach.
            ramp = np.linspace(0, 1, 101)
            levels = [next((b for r, b in zip(recall, best, strict=True) if r >= p), 0.0) for p in ramp]
            np.testing.assert_allclose(at_points[label], levels, atol=1e-12)
            steps = np.diff(recall, prepend=0.0)
            expected = np.mean(levels) if points == "101" else (steps * best).sum()
            assert scores.ap[label] == pytest.approx(expected, abs=1e-12)
            assert scores.recall[label] == pytest.approx(recall[-1], abs=1e-12)
        assert scores.mean() == pytest.approx(np.nanmean(scores.ap), abs=1e-12)
        assert scores.undefined is None, "a class without truth does not undo the others"
        np.testing.assert_array_equal(accumulate(outcomes, name).ap, scores.ap)


def test_closed_forms() -> None:
    """True, false, true of two objects; the same with a false one of half the weight; with a dropped one."""
    for code, second in ((FALSE, 2 / 3), (HALF, 2 / 2.5), (DROPPED, 1.0)):
        score, codes = [0.9, 0.8, 0.7], [TRUE, code, TRUE]
        found = accumulate(outcomes_of(score, codes, 2, "all"), "x").mean()
        assert found == pytest.approx((1 + second) / 2, abs=1e-12)
        found = accumulate(outcomes_of(score, codes, 2), "x").mean()
        assert found == pytest.approx((51 + 50 * second) / 101, abs=1e-12)


def test_equal_scores_rank_in_the_order_given() -> None:
    assert accumulate(outcomes_of([0.5, 0.5], [TRUE, FALSE], 1), "x").mean() == pytest.approx(1.0)
    assert accumulate(outcomes_of([0.5, 0.5], [FALSE, TRUE], 1), "x").mean() == pytest.approx(0.5)


def test_only_the_order_of_scores_counts() -> None:
    outcomes = random_outcomes(0, "all")
    other = replace(outcomes, score=np.exp(7 * outcomes.score).astype(np.float32))
    for one, two in zip(accumulate_all(outcomes).values(), accumulate_all(other).values(), strict=True):
        np.testing.assert_array_equal(one.ap, two.ap)


def test_dropped_detections_change_nothing() -> None:
    outcomes = random_outcomes(1, "101")
    outcomes = replace(outcomes, columns=("a",), code=outcomes.code[:1], counted=outcomes.counted[:1])
    keep = outcomes.code[0] != DROPPED
    rest = replace(outcomes, score=outcomes.score[keep], label=outcomes.label[keep], code=outcomes.code[:, keep])
    np.testing.assert_array_equal(accumulate(outcomes, "a").ap, accumulate(rest, "a").ap)


def test_nothing_found_and_nothing_to_find() -> None:
    nothing = accumulate(outcomes_of([], [], 3), "x")
    assert (nothing.mean(), nothing.recall[0], nothing.undefined) == (0.0, 0.0, None)
    undefined = accumulate(outcomes_of([0.5], [FALSE], 0), "x")
    assert math.isnan(undefined.mean())
    assert "no ground truth" in (undefined.undefined or "")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_best_first_is_stable(dtype: type) -> None:
    for levels in (1, 5, 1000):
        score = np.random.default_rng(levels).integers(0, levels, 500).astype(dtype)
        np.testing.assert_array_equal(best_first(score), np.argsort(-score, kind="stable"))
    assert best_first(np.zeros(0, dtype)).tolist() == []
    # Logits: both zeros are one score, and the smallest numbers on either side are not.
    score = np.array([0.0, -3.0, -0.0, 1e-45 if dtype == np.float32 else 5e-324, 2.0, 0.0, -1.0, -3.0], dtype)
    score = np.append(score, -score[3])
    assert best_first(score).tolist() == [4, 3, 0, 2, 5, 8, 6, 1, 7]
