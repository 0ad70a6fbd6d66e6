"""From outcomes to numbers: AP, what it stands on, and its interval over drawn videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.evaluation_report import Interval, Score, Scores
from clab_lite.metrics.average_precision import accumulate, accumulate_all
from clab_lite.metrics.bootstrap import draw_resamples, interval, resampled_ap
from clab_lite.metrics.outcomes import Outcomes

NO_TRUTH = "there is no ground truth"


@dataclass(frozen=True)
class Measured:
    """AP of C classes and their mean, over one or several columns. NaN where undefined."""

    ap: float
    ap_interval: Interval | None
    per_class: NDArray[np.float64]
    """(C,)"""
    class_intervals: Sequence[Interval | None]
    """(C,)"""


class Measure:
    """Takes numbers from outcomes of one frame table; all intervals stand on the same draws of videos."""

    def __init__(
        self, video_of_frame: NDArray[np.int32], sources: NDArray[np.int64], resamples: int, seed: int = 0
    ) -> None:
        """Draw the videos.

        Args:
            video_of_frame: (F,) video of each frame.
            sources: (V,) source of each video; videos of one source are drawn together.
            resamples: how many draws; 0 gives no intervals.
            seed: of the draws.
        """
        self.video_of_frame, self.sources = video_of_frame, sources
        self.draws = draw_resamples(sources, resamples, seed)

    def take(self, outcomes: Outcomes, columns: Sequence[str]) -> Measured:
        """Mean over the columns."""
        whole = len(columns) == len(outcomes.columns)  # sorted once
        accumulated = accumulate_all(outcomes).values() if whole else [accumulate(outcomes, name) for name in columns]
        per_class = np.mean([column.ap for column in accumulated], axis=0)
        if not len(self.draws):
            return Measured(_mean(per_class), None, per_class, [None] * outcomes.num_classes)
        drawn = resampled_ap(outcomes, columns, self.video_of_frame, self.draws)
        seen = [self.varies(outcomes, columns[0], label) for label in range(outcomes.num_classes)]
        return Measured(
            _mean(per_class),
            interval(drawn.mean) if self.varies(outcomes, columns[0]) else None,
            per_class,
            [interval(drawn.per_class[:, label]) if seen[label] else None for label in range(outcomes.num_classes)],
        )

    def varies(self, outcomes: Outcomes, column: str, label: int | None = None) -> bool:
        """Whether two sources or more show what counts, of one class or all: one alone would be drawn or not, and that
        says nothing about how a number varies."""
        rows = outcomes.counted[outcomes.column(column)]
        if label is not None:
            rows = rows & (outcomes.truth_label == label)
        return len(np.unique(self.sources[self.video_of_frame[outcomes.truth_image[rows]]])) > 1

    def score(self, outcomes: Outcomes, column: str, why: str = NO_TRUTH) -> Score:
        """AP under one column, over all classes."""
        measured = self.take(outcomes, [column])
        return self._score(outcomes, column, measured.ap, measured.ap_interval, None, why)

    def score_classes(self, outcomes: Outcomes, column: str, names: Sequence[str]) -> tuple[Score, dict[str, Score]]:
        """AP under one column: over all classes, and of each that has ground truth there."""
        measured = self.take(outcomes, [column])
        overall = self._score(outcomes, column, measured.ap, measured.ap_interval, None, NO_TRUTH)
        return overall, {
            name: self._score(outcomes, column, measured.per_class[c], measured.class_intervals[c], c, NO_TRUTH)
            for c, name in enumerate(names)
            if not math.isnan(measured.per_class[c])
        }

    def scores(
        self, outcomes: Outcomes, names: Sequence[str], frames: NDArray[np.bool_] | None = None, why: str = NO_TRUTH
    ) -> tuple[Scores, dict[str, Scores]]:
        """AP50 (the first column) and the mean over all columns: over all classes, and of each with ground truth.

        `frames` (F,): those that the overall numbers stand on; None is those with ground truth.
        """
        first, strict = self.take(outcomes, outcomes.columns[:1]), self.take(outcomes, outcomes.columns)
        overall = self._scores(outcomes, first.ap, strict.ap, (first.ap_interval, strict.ap_interval), None, why)
        if frames is not None:
            videos = len(np.unique(self.video_of_frame[frames]))
            overall = replace(overall, videos=videos, frames=int(frames.sum()))
        per_class = {}
        for c, name in enumerate(names):
            if not math.isnan(first.per_class[c]):
                spans = (first.class_intervals[c], strict.class_intervals[c])
                per_class[name] = self._scores(outcomes, first.per_class[c], strict.per_class[c], spans, c, why)
        return overall, per_class

    def _scores(
        self,
        outcomes: Outcomes,
        ap50: float,
        ap: float,
        spans: tuple[Interval | None, Interval | None],
        label: int | None,
        why: str,
    ) -> Scores:
        basis = self._score(outcomes, outcomes.columns[0], ap50, spans[0], label, why)
        counts = (basis.videos, basis.frames, basis.boxes)
        return Scores(basis.value, _number(ap), *counts, basis.undefined, *spans)

    def _score(
        self, outcomes: Outcomes, column: str, value: float, span: Interval | None, label: int | None, why: str
    ) -> Score:
        """A number with what it stands on: the counted ground truth, of one class or all."""
        rows = outcomes.counted[outcomes.column(column)]
        if label is not None:
            rows = rows & (outcomes.truth_label == label)
        images = np.unique(outcomes.truth_image[rows])
        videos = len(np.unique(self.video_of_frame[images]))
        undefined = why if math.isnan(value) else None
        return Score(_number(value), span, videos, len(images), int(rows.sum()), undefined)


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
