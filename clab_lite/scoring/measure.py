"""From outcomes to numbers: AP, what it stands on, and its interval over drawn videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.evaluation_report import Interval, Score, Scores
from clab_lite.metrics.average_precision import accumulate, accumulate_all
from clab_lite.metrics.bootstrap import draw_resamples, resampled_ap
from clab_lite.metrics.certainty import Sources, interval
from clab_lite.metrics.outcomes import Outcomes

NO_TRUTH = "there is no ground truth"


@dataclass(frozen=True)
class DrawnAP:
    """AP of one class, or the mean over classes."""

    value: float
    """On the data as they are; NaN where undefined."""
    drawn: NDArray[np.float64]
    """(B,) in each draw of videos."""
    sources: Sources
    """That show what counts."""

    @property
    def interval(self) -> Interval | None:
        """95 %; None without draws, or with too few sources."""
        return interval(self.drawn, self.sources)


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

    def take(self, outcomes: Outcomes, columns: Sequence[str]) -> tuple[DrawnAP, list[DrawnAP]]:
        """The mean over the classes, and each class; of several columns their mean."""
        whole = len(columns) == len(outcomes.columns)  # sorted once
        accumulated = accumulate_all(outcomes).values() if whole else [accumulate(outcomes, name) for name in columns]
        per_class = np.mean([column.ap for column in accumulated], axis=0)
        drawn = resampled_ap(outcomes, columns, self.video_of_frame, self.draws)
        shown, each = self.shown_by(outcomes, columns[0])
        classes = [
            DrawnAP(value, drawn.per_class[:, label], each[label]) for label, value in enumerate(per_class.tolist())
        ]
        return DrawnAP(_mean(per_class), drawn.mean, shown), classes

    def shown_by(self, outcomes: Outcomes, column: str) -> tuple[Sources, list[Sources]]:
        """Sources, not videos, that show what counts: any class, and each class."""
        rows = outcomes.counted[outcomes.column(column)]
        source = self.sources[self.video_of_frame[outcomes.truth_image[rows]]]
        pairs = np.unique(np.stack([outcomes.truth_label[rows].astype(np.int64), source]), axis=1)
        counts = np.bincount(pairs[0], minlength=outcomes.num_classes).tolist()
        total = Sources(len(np.unique(source)), tuple(count for count in counts if count))
        return total, [Sources.of_class(count) for count in counts]

    def score(self, outcomes: Outcomes, column: str, why: str = NO_TRUTH) -> Score:
        """AP under one column, over all classes."""
        return self._score(outcomes, column, self.take(outcomes, [column])[0], None, why)

    def score_classes(self, outcomes: Outcomes, column: str, names: Sequence[str]) -> tuple[Score, dict[str, Score]]:
        """AP under one column: over all classes, and of each that has ground truth there."""
        overall, classes = self.take(outcomes, [column])
        return self._score(outcomes, column, overall, None, NO_TRUTH), {
            name: self._score(outcomes, column, classes[label], label, NO_TRUTH)
            for label, name in enumerate(names)
            if not math.isnan(classes[label].value)
        }

    def scores(
        self, outcomes: Outcomes, names: Sequence[str], frames: NDArray[np.bool_] | None = None, why: str = NO_TRUTH
    ) -> tuple[Scores, dict[str, Scores]]:
        """AP50 (the first column) and the mean over all columns: over all classes, and of each with ground truth.

        `frames` (F,): those that the overall numbers stand on; None is those with ground truth.
        """
        ap50, ap50_of = self.take(outcomes, outcomes.columns[:1])
        ap, ap_of = self.take(outcomes, outcomes.columns)
        overall = self._scores(outcomes, ap50, ap, None, why)
        if frames is not None:
            videos = len(np.unique(self.video_of_frame[frames]))
            overall = replace(overall, videos=videos, frames=int(frames.sum()))
        return overall, {
            name: self._scores(outcomes, ap50_of[label], ap_of[label], label, why)
            for label, name in enumerate(names)
            if not math.isnan(ap50_of[label].value)
        }

    def _scores(self, outcomes: Outcomes, ap50: DrawnAP, ap: DrawnAP, label: int | None, why: str) -> Scores:
        basis = self._score(outcomes, outcomes.columns[0], ap50, label, why)
        counts = (basis.videos, basis.frames, basis.boxes)
        return Scores(basis.value, _number(ap.value), *counts, basis.undefined, basis.interval, ap.interval)

    def _score(self, outcomes: Outcomes, column: str, ap: DrawnAP, label: int | None, why: str) -> Score:
        """A number with what it stands on: the counted ground truth, of one class or all."""
        rows = outcomes.counted[outcomes.column(column)]
        if label is not None:
            rows = rows & (outcomes.truth_label == label)
        images = np.unique(outcomes.truth_image[rows])
        videos = len(np.unique(self.video_of_frame[images]))
        undefined = why if math.isnan(ap.value) else None
        return Score(_number(ap.value), ap.interval, videos, len(images), int(rows.sum()), undefined)


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
