"""How far AP moves when other videos are drawn: the bootstrap over groups of videos, from outcomes, without matching.

A frame's outcomes do not depend on other frames, so a video that is drawn twice is one whose detections and ground
truths count twice. Precision has to be known only where something right is found. So each class needs two small
tables, what each video adds to the right and to the wrong detections between two such places; a product with the
draws gives the curves of all resamples at once. What the spread of the draws says is in certainty.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.metrics.average_precision import RECALL_POINTS, best_first
from clab_lite.metrics.certainty import MIN_SOURCES
from clab_lite.metrics.outcomes import TRUE, Outcomes, Points

PLACES = 1000
"""A class with more right detections than this has the precision looked up at every n-th, n growing along the curve,
and is taken as straight in between. That moves its AP by less than 1e-3 (measured in the tests and the benchmark)."""
_TOGETHER = 1024
"""How many resamples are worked on together: bounds the memory."""


@dataclass(frozen=True)
class ResampledAP:
    """AP in each of B resamples, of C classes and their mean.

    mean: (B,) over the classes with counted ground truth in the whole data. In a resample that does not show a class,
        the class keeps the AP that it has in the whole data: left out, the mean would be one of other classes, easier
        or harder ones, and its spread would tell of that. NaN in a resample that shows none.
    per_class: (B, C); NaN where the resample has no counted ground truth of the class.
    """

    mean: NDArray[np.float64]
    per_class: NDArray[np.float64]


def draw_resamples(groups: ArrayLike, count: int = 1000, seed: int = 0) -> NDArray[np.int32]:
    """Draw groups of videos with replacement, as many as there are.

    Args:
        groups: (V,) group of each video, any ids. Videos of one group, cut from the same recording, are drawn together:
            they resemble each other, and apart would promise more certainty than there is.
        count: B, how many resamples.
        seed: the same seed and groups give the same draws.

    Returns:
        (B, V) how often each video is drawn; (0, V) with fewer than `MIN_SOURCES` groups, which say too little.
    """
    names, group = np.unique(np.asarray(groups).reshape(-1), return_inverse=True)
    if len(names) < MIN_SOURCES:
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

    `per_class` equals `accumulate` on the copied rows for classes with at most `PLACES` right detections.
    """
    count, videos = resamples.shape
    if not count:
        return ResampledAP(np.zeros(0), np.zeros((0, outcomes.num_classes)))
    draws = np.concatenate([resamples, np.ones((1, videos))])  # the last one is the whole data
    chosen = [outcomes.column(name) for name in columns]
    total = np.zeros((count + 1, outcomes.num_classes))
    for label in range(outcomes.num_classes):
        rows = np.flatnonzero(outcomes.label == label)
        rows = rows[best_first(outcomes.score[rows])]
        video, codes = video_of_image[outcomes.image[rows]], outcomes.code.T[rows]
        for k in chosen:
            own = outcomes.counted[k] & (outcomes.truth_label == label)
            if not own.any():
                total[:, label] = math.nan
                continue
            truths = np.bincount(video_of_image[outcomes.truth_image[own]], minlength=videos)
            total[:, label] += _Curve.of(codes[:, k], video, videos, outcomes.weights).ap(
                draws, draws @ truths, outcomes.points
            )
    per_class = total / len(chosen)
    return ResampledAP(_mean(per_class[:-1], per_class[-1]), per_class[:-1])


def _mean(per_class: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) mean over the classes that `whole` (C,), the AP in the whole data, knows. As `ResampledAP.mean`."""
    known = ~np.isnan(whole)
    shown = ~np.isnan(per_class)
    mean = np.where(shown, per_class, whole)[:, known].sum(axis=1) / max(1, known.sum())
    return np.where(shown.any(axis=1), mean, math.nan)


@dataclass(frozen=True)
class _Curve:
    """The precision of one class at P places, those where something right is found, for any draw of V videos.

    right, wrong: (V, P) what each video adds to the true and to the false positives between the place before and this.
    found: (P,) how many right detections a place stands for; ones unless the curve is thinned.

    Example: four detections, best first: right in video 0, wrong in video 1, right in video 1, right in video 0.
        right: video 0 adds 1 0 1, video 1 adds 0 1 0;   wrong: video 0 adds 0 0 0, video 1 adds 0 1 0
        drawn 2 and 1 times: right 2 1 2, in sum 2 3 5;   wrong 0 1 0, in sum 0 1 1
        precision 2/2 3/4 5/6, the best from there on 1 5/6 5/6; of 5 objects AP is (2 + 1 * 5/6 + 2 * 5/6) / 5 = 0.9
    """

    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    found: NDArray[np.int64]

    @classmethod
    def of(
        cls, codes: NDArray[np.integer], video: NDArray[np.integer], videos: int, weights: NDArray[np.float64]
    ) -> _Curve:
        """From the codes and videos (N,) of the detections of the class, best score first."""
        right = codes == TRUE
        count = int(right.sum())
        place = np.cumsum(right) - right  # the first one that includes the detection
        found = np.ones(count, np.int64)
        if count > PLACES:
            place, found = _thinned(place, count)

        def table(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            added = np.flatnonzero((weight > 0) & (place < len(found)))  # what follows the last place changes nothing
            cell = video[added] * np.int64(len(found)) + place[added]
            sums = np.bincount(cell, weights=weight[added], minlength=videos * len(found))
            return sums.astype(np.float64).reshape(videos, len(found))

        return cls(table(right.astype(np.float64)), table(weights[codes]), found)

    def ap(self, draws: NDArray[np.float64], truths: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
        """AP (B,) with draws (B, V) and `truths` (B,) to be found; NaN where there are none."""
        answer = np.full(len(draws), math.nan)
        for start in range(0, len(draws), _TOGETHER):
            some = start + np.flatnonzero(truths[start : start + _TOGETHER] > 0)
            if len(some):
                answer[some] = self._ap(draws[some], truths[some, None], points)
        return answer

    def _ap(self, draws: NDArray[np.float64], truths: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
        right, wrong = np.cumsum(draws @ self.right, axis=1), np.cumsum(draws @ self.wrong, axis=1)
        envelope = right / (right + wrong + np.spacing(1.0))  # as in average_precision
        envelope = np.maximum.accumulate(envelope[:, ::-1], axis=1)[:, ::-1]
        if self.found.max(initial=1) > 1:
            envelope = _straight_between(envelope, self.found)
        recall = right / truths
        if points == "all":
            return (envelope * np.diff(recall, axis=1, prepend=0)).sum(axis=1)
        first = np.stack([np.searchsorted(row, RECALL_POINTS) for row in recall])
        beyond = np.zeros((len(envelope), 1))  # recalls that are never reached
        return np.take_along_axis(np.append(envelope, beyond, axis=1), first, axis=1).mean(axis=1)


def _thinned(place: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """About `PLACES` places instead of `count`: that of each detection (N,), and how many each new one stands for.

    Single ones at the start of the curve, where precision may fall steeply, then in proportion to their number.
    """
    dense = PLACES / (1 + math.log(count / PLACES))
    steps = np.minimum(1.0, dense / np.arange(1, count + 1))
    merged = np.ceil(np.cumsum(steps) - 1e-6).astype(np.int64) - 1
    found = np.bincount(merged)
    return np.append(merged, len(found))[place], found


def _straight_between(envelope: NDArray[np.float64], found: NDArray[np.int64]) -> NDArray[np.float64]:
    """(B, P) the mean precision of the right detections that each place stands for, which lie between it and the one
    before."""
    share = (found[1:] - 1) / (2 * found[1:])
    mean = envelope.copy()
    mean[:, 1:] += share * (envelope[:, :-1] - envelope[:, 1:])
    return mean
