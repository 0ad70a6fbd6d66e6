"""How far AP moves when other videos are drawn: the bootstrap over groups of videos, from outcomes, without matching.

A frame's outcomes do not depend on other frames, so a video that is drawn twice is one whose detections and ground
truths count twice. Precision has to be known only where something right is found. So each class needs two small
tables, what each video adds to the right and to the wrong detections between two such places; a product with the
draws gives the curves of all resamples at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.average_precision import RECALL_POINTS
from clab_lite.metrics.outcomes import TRUE, Outcomes, Points

PLACES = 1000
"""A class with more right detections than this has the precision looked up at every n-th, n growing along the curve,
and is taken as straight in between. That moves its AP by less than 1e-3 (measured in the tests and the benchmark)."""
_RESAMPLES, _VIDEOS = 1000, 1000
"""How many are worked on together: bounds the memory."""


@dataclass(frozen=True)
class ResampledAP:
    """AP in each of B resamples, of C classes and their mean.

    mean: (B,) over the classes with counted ground truth; NaN in a resample without any.
    per_class: (B, C); NaN where the resample has no counted ground truth of the class.
    """

    mean: NDArray[np.float64]
    per_class: NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """By how much a second detector is better than a first one, on the same data. None: there are no resamples.

    value: second minus first, on the data as they are.
    interval: where the difference lies in 95 % of the resamples (or the level asked for).
    probability_better: share of the resamples in which the second is better; a tie counts half.
    p_value: two-sided; small when the resamples agree on which one is better. At least 2 / (B + 1).
    """

    value: float
    interval: tuple[float, float] | None
    probability_better: float | None
    p_value: float | None


def draw_resamples(groups: ArrayLike, count: int = 1000, seed: int = 0) -> NDArray[np.int32]:
    """Draw groups of videos with replacement, as many as there are.

    Args:
        groups: (V,) group of each video, any ids. Videos of one group, cut from the same recording, are drawn together:
            they resemble each other, and apart would promise more certainty than there is.
        count: B, how many resamples.
        seed: the same seed and groups give the same draws.

    Returns:
        (B, V) how often each video is drawn; (0, V) with fewer than two groups, where nothing can vary.
    """
    names, group = np.unique(np.asarray(groups).reshape(-1), return_inverse=True)
    if len(names) < 2:
        return np.zeros((0, len(group)), np.int32)
    chances = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), chances, size=count)
    return drawn.astype(np.int32)[:, group]


def resampled_ap(
    outcomes: Outcomes, columns: Sequence[str], video_of_image: NDArray[np.integer], resamples: NDArray[np.integer]
) -> ResampledAP:
    """AP in each resample, as if every video were there as often as it is drawn.

    Args:
        outcomes: what became of the detections. The copies of one rank next to each other.
        columns: names; of several the mean is taken (AP50:95).
        video_of_image: (F,) video of each frame, 0 ... V-1.
        resamples: (B, V) from `draw_resamples`.

    Equal to `accumulate` on the copied rows for classes with at most `PLACES` right detections.
    """
    chosen = [outcomes.column(name) for name in columns]
    parts = range(0, len(resamples), _RESAMPLES)
    draws = [resamples[start : start + _RESAMPLES].astype(np.float64) for start in parts]
    total = np.zeros((len(resamples), outcomes.num_classes))
    for label in range(outcomes.num_classes):
        rows = np.flatnonzero(outcomes.label == label)
        rows = rows[np.argsort(-outcomes.score[rows], kind="stable")]
        video, codes = video_of_image[outcomes.image[rows]], outcomes.code.T[rows]
        for k in chosen:
            own = outcomes.counted[k] & (outcomes.truth_label == label)
            truths = np.bincount(video_of_image[outcomes.truth_image[own]], minlength=resamples.shape[1])
            steps = _Steps.of(codes[:, k], video, outcomes.weights) if own.any() else None
            for start, drawn in zip(parts, draws, strict=True):
                ap = math.nan if steps is None else steps.ap(drawn, drawn @ truths, outcomes.points)
                total[start : start + _RESAMPLES, label] += ap
    per_class = total / len(chosen)
    return ResampledAP(_mean(per_class), per_class)


def interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float] | None:
    """The middle `level` of the values (B,) of all resamples; those that are NaN are left out. None without any."""
    numbers = values[~np.isnan(values)]
    if not len(numbers):
        return None
    low, high = np.quantile(numbers, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def compare(first: NDArray[np.float64], second: NDArray[np.float64], value: float, level: float = 0.95) -> Difference:
    """Is the second detector better than the first?

    Args:
        first, second: (B,) AP of each in the same resamples, `ResampledAP.mean` or a column of `per_class`. Taking
            the difference per resample removes what easy or hard videos do to both.
        value: AP of the second minus AP of the first on the data as they are.
        level: of the interval.

    Raises:
        DataError: the resamples are not as many.
    """
    if len(first) != len(second):
        raise DataError(f"{len(first)} and {len(second)} resamples cannot be paired. Use the same draws for both.")
    differences = second - first
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return Difference(value, None, None, None)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    count = len(differences)
    against = count - max(better, worse)  # as many do not say what most say
    return Difference(
        value,
        interval(differences, level),
        (better + (count - better - worse) / 2) / count,
        min(1.0, 2 * (against + 1) / (count + 1)),
    )


@dataclass(frozen=True)
class _Steps:
    """The curve of one class: its N detections up to the last right one, best first.

    video: (N,). right, wrong: (N,) what each adds to the true and to the false positives. place: (N,) the first of P
    places on the curve that includes it; at a place something right was found. found: (P,) how many since the last.
    """

    video: NDArray[np.integer]
    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    place: NDArray[np.int64]
    found: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.integer], video: NDArray[np.integer], weights: NDArray[np.float64]) -> _Steps:
        """From the codes (N,) of the class, best score first."""
        last = np.flatnonzero(codes == TRUE)[-1:]
        codes = codes[: int(last[0]) + 1 if len(last) else 0]  # what follows changes nothing
        right = codes == TRUE
        places = _places(int(right.sum()))
        place = places[np.cumsum(right) - right]
        return cls(video[: len(codes)], right.astype(np.float64), weights[codes], place, np.bincount(places))

    def ap(self, drawn: NDArray[np.float64], truths: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
        """AP (B,) with draws (B, V) and `truths` (B,) to be found; NaN where there are none."""
        if not len(self.place):
            return np.where(truths > 0, 0.0, math.nan)
        right, wrong = (np.cumsum(self._drawn(drawn, weight), axis=1) for weight in (self.right, self.wrong))
        envelope = right / (right + wrong + np.spacing(1.0))  # as in average_precision
        envelope = np.maximum.accumulate(envelope[:, ::-1], axis=1)[:, ::-1]
        # What was found between two places has, on average, a precision between theirs.
        share = (self.found[1:] - 1) / (2 * self.found[1:])
        envelope[:, 1:] += share * (envelope[:, :-1] - envelope[:, 1:])
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample without ground truth
            if points == "all":
                return (envelope * np.diff(right, axis=1, prepend=0)).sum(axis=1) / truths
            recall = right / truths[:, None]
        first = np.stack([np.searchsorted(row, RECALL_POINTS) for row in recall])
        envelope = np.append(envelope, np.zeros((len(envelope), 1)), axis=1)
        return np.where(truths > 0, np.take_along_axis(envelope, first, axis=1).mean(axis=1), math.nan)

    def _drawn(self, drawn: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, P) how much weight each resample adds up to each place since the one before."""
        places = len(self.found)
        answer = np.zeros((len(drawn), places))
        for low in range(0, drawn.shape[1], _VIDEOS):
            own = (self.video >= low) & (self.video < low + _VIDEOS) & (weight > 0)
            part = drawn[:, low : low + _VIDEOS]
            cell = (self.video[own] - low) * places + self.place[own]
            table = np.bincount(cell, weights=weight[own], minlength=part.shape[1] * places)
            answer += part @ table.reshape(part.shape[1], places)
        return answer


def _places(count: int) -> NDArray[np.int64]:
    """(count,) the place to which each right detection belongs, best first: single ones up to `PLACES` in all. With
    more, single ones at the start of the curve, where precision may fall steeply, then in proportion to their number.
    """
    dense = PLACES if count <= PLACES else PLACES / (1 + math.log(count / PLACES))
    steps = np.minimum(1.0, dense / np.arange(1, count + 1))
    return np.ceil(np.cumsum(steps) - 1e-6).astype(np.int64) - 1


def _mean(per_class: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) mean over the classes that are there; NaN without any."""
    known = ~np.isnan(per_class)
    with np.errstate(invalid="ignore"):
        return np.where(known, per_class, 0.0).sum(axis=1) / known.sum(axis=1)
