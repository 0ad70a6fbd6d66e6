"""AUROC from ranks: every pair counted, ties half, and the area under the drawn curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from sklearn.metrics import roc_auc_score

from clab_lite.metrics.roc import auroc, roc_curve

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.3, 0.5, 1.0, 7.0]), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_it_counts_pairs(inside: list[float], outside: list[float]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
    assert auroc(inside, outside) == pytest.approx(np.mean(pairs))
    assert auroc(outside, inside) == pytest.approx(1 - np.mean(pairs))
    reference = roc_auc_score([1] * len(inside) + [0] * len(outside), inside + outside)
    assert auroc(inside, outside) == pytest.approx(reference)


@given(SCORES, SCORES)
def test_the_curve_rises_from_corner_to_corner_over_that_area(inside: list[float], outside: list[float]) -> None:
    false, true = roc_curve(inside, outside)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()
    assert trapezoid(true, false) == pytest.approx(auroc(inside, outside))


def test_by_hand_and_empty() -> None:
    assert auroc([3, 2], [1]) == 1 and auroc([1], [1]) == 0.5 and auroc([2, 0], [1]) == 0.5
    assert np.isnan(auroc([], [1])) and np.isnan(auroc([1], []))
    false, true = roc_curve([], [1.0])
    assert false.tolist() == [0, 1, 1] and true.tolist() == [0, 0, 1]


def test_only_the_order_of_scores_matters() -> None:
    draws = np.random.default_rng(0)
    inside, outside = draws.normal(1, 1, 50), draws.normal(0, 1, 70)
    assert auroc(np.exp(inside), np.exp(outside)) == auroc(inside, outside)
