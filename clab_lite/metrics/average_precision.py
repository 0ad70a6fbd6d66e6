"""Average precision from outcomes, class by class."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.outcomes import TRUE, Outcomes

# pycocotools' own ramp, to the last bit; a float32 one moves AP by up to 0.003 (eval_spec, "Differences").
RECALL_POINTS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Accumulated:
    """AP and recall of C classes in one column.

    ap: (C,) in [0, 1]; NaN for a class without counted ground truth, 0 for one without detections.
    recall: (C,) the highest recall reached; NaN as in `ap`. truths: (C,) counted ground truths.
    """

    ap: NDArray[np.float64]
    recall: NDArray[np.float64]
    truths: NDArray[np.int64]

    def mean(self) -> float:
        """AP over the classes with counted ground truth; NaN without any (`undefined` says so)."""
        defined = self.truths > 0
        return float(self.ap[defined].mean()) if defined.any() else math.nan

    @property
    def undefined(self) -> str | None:
        """The reason why `mean` is NaN, or None when it is a number."""
        return None if self.truths.any() else "there is no ground truth that counts"


def accumulate(outcomes: Outcomes, column: str) -> Accumulated:
    """AP of every class in one column: "101" or all points, as `outcomes.points` says."""
    return _accumulate(outcomes, [outcomes.column(column)])[0]


def accumulate_all(outcomes: Outcomes) -> dict[str, Accumulated]:
    """AP of every class in every column; the detections are sorted once."""
    return dict(zip(outcomes.columns, _accumulate(outcomes, range(len(outcomes.columns))), strict=True))


def precision_at_recalls(outcomes: Outcomes, column: str) -> NDArray[np.float64]:
    """(C, 101) precision envelope at recalls 0, 0.01 ... 1 of every class; 0 where a recall is not reached, NaN for a
    class without counted ground truth.
    """
    k = outcomes.column(column)
    answer = np.full((outcomes.num_classes, len(RECALL_POINTS)), math.nan)
    for label, truths, codes in _classes(outcomes, [k]):
        if truths[0]:
            answer[label] = _at_points(*_curve(outcomes, codes[0], int(truths[0])))
    return answer


def best_first(score: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,) rows by descending score, of equal scores the earlier first; of N below 2**32."""
    if score.dtype != np.float32:
        return np.argsort(-score, kind="stable")
    # Score and row in one number, sorted in place: less memory and time than sorting rows, above all with many ties.
    bits = (0 - score).view(np.int32)  # not -score: the two zeros are equal
    bits ^= (bits >> 31) & 0x7FFFFFFF  # floats order like integers, but the negative ones backwards
    key = bits.astype(np.int64)
    key <<= 32
    key |= np.arange(len(key), dtype=np.uint32)
    key.sort()
    key &= 0xFFFFFFFF
    return key


def _accumulate(outcomes: Outcomes, columns: range | list[int]) -> list[Accumulated]:
    shape = (len(columns), outcomes.num_classes)
    ap, recall, counts = np.full(shape, math.nan), np.full(shape, math.nan), np.zeros(shape, np.int64)
    for label, truths, codes in _classes(outcomes, columns):
        counts[:, label] = truths
        for k in np.flatnonzero(truths).tolist():
            reached, precision = _curve(outcomes, codes[k], int(truths[k]))
            recall[k, label] = reached[-1] if len(reached) else 0.0
            if outcomes.points == "101":
                ap[k, label] = _at_points(reached, precision).mean()
            else:  # the envelope times each step of the recall
                ap[k, label] = _envelope(precision).sum() / truths[k]
    return [Accumulated(*rows) for rows in zip(ap, recall, counts, strict=True)]


def _classes(
    outcomes: Outcomes, columns: range | list[int]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.integer]]]:
    """Of every class with ground truth: label, counted ground truths (columns,), codes (columns, rows) by score."""
    chosen = outcomes.code if len(columns) == len(outcomes.columns) else outcomes.code[list(columns)]
    for label in np.unique(outcomes.truth_label).tolist():
        of_class = outcomes.truth_label == label
        truths = np.array([np.count_nonzero(outcomes.counted[k, of_class]) for k in columns])
        # Detection by detection, as they lie in memory.
        yield label, truths, chosen.T[_ranked(outcomes, label)].T


def _ranked(outcomes: Outcomes, label: int) -> NDArray[np.int64]:
    """Rows of the detections of a class, best score first."""
    rows = np.flatnonzero(outcomes.label == label)
    return rows[best_first(outcomes.score[rows])]


def _curve(
    outcomes: Outcomes, codes: NDArray[np.integer], truths: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision at every true positive (T,), best score first.

    Between two of them the recall stands still and the precision only falls, so nothing else is needed.
    """
    found = np.flatnonzero(codes == TRUE)
    right = np.arange(1.0, len(found) + 1)
    weights = outcomes.weights[codes]
    wrong = np.cumsum(weights, out=weights)[found]
    # pycocotools adds the spacing of 1.0 to the number of detections; it moves nothing but the last digit.
    return right / truths, right / (right + wrong + np.spacing(1.0))


def _envelope(precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best precision at this recall or a higher one."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _at_points(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """(101,) envelope at the recall points; a recall that is never reached counts as precision 0."""
    first = np.searchsorted(recall, RECALL_POINTS, side="left")
    return np.append(_envelope(precision), 0.0)[np.minimum(first, len(precision))]
