"""Telling two groups apart by one score: the exact area under the ROC curve, and the curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata


def auroc(inside: ArrayLike, outside: ArrayLike) -> float:
    """How often a score of `inside` is above one of `outside`, over all pairs; a tie counts half. In [0, 1].

    From ranks, so that no threshold is chosen. 0.5 is chance, less means that the outside scores higher. NaN when a
    group is empty. Golden `ranked.eval`.
    """
    inside, outside = np.asarray(inside, np.float64).ravel(), np.asarray(outside, np.float64).ravel()
    if not len(inside) or not len(outside):
        return float("nan")
    ranks = rankdata(np.concatenate([inside, outside]))[: len(inside)]
    least = len(inside) * (len(inside) + 1) / 2
    return float((ranks.sum() - least) / (len(inside) * len(outside)))


def roc_curve(inside: ArrayLike, outside: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(false positive rates, true positive rates), from (0, 0) to (1, 1): a point per distinct score, highest first.

    `inside` is the positive class. The area under the points is `auroc`. An empty group has rate 0 until the end.
    """
    inside, outside = np.asarray(inside, np.float64).ravel(), np.asarray(outside, np.float64).ravel()
    thresholds = np.unique(np.concatenate([inside, outside]))[::-1]
    rates = []
    for group in (outside, inside):
        ordered = np.sort(group)
        counts = len(ordered) - np.searchsorted(ordered, thresholds, side="left")
        rates.append(np.concatenate([[0.0], counts / max(len(ordered), 1), [1.0]]))
    return rates[0], rates[1]
