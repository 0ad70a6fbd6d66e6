"""Runs beside their baselines: pairs that share all but the contrast, and how sure a mean over seeds is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clab_lite.metrics.certainty import LEVEL, student_outside, student_quantile
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting

MIN_SEEDS = 3
"""With fewer there is no interval: two that happen to agree would look certain."""


@dataclass(frozen=True)
class SeedMean:
    """A number of several seeds. What is not known is NaN, of which no comparison holds."""

    values: tuple[float, ...]
    """One per seed, without those that are undefined."""
    mean: float
    """NaN without values."""
    low: float
    high: float
    """Interval of the mean by Student's t over seeds; NaN with fewer than MIN_SEEDS values."""
    p_value: float
    """Two-sided: how likely a mean so far from zero is where the true one is zero; NaN where the interval is."""

    @property
    def enough(self) -> bool:
        """Whether there is an interval."""
        return len(self.values) >= MIN_SEEDS

    @property
    def half(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2

    @property
    def certain(self) -> bool:
        """Whether there is an interval that leaves zero out."""
        return self.low > 0 or self.high < 0


def over_seeds(values: Iterable[float], level: float = LEVEL) -> SeedMean:
    """Mean of one number over seeds, and an interval that holds the true mean with probability `level`.

    Values that are not finite are left out.
    """
    known = np.array([value for value in values if math.isfinite(value)])
    numbers, freedom, nan = tuple(known.tolist()), len(known) - 1, float("nan")
    mean = float(known.mean()) if len(known) else nan
    if len(known) < MIN_SEEDS:
        return SeedMean(numbers, mean, nan, nan, nan)
    error = float(known.std(ddof=1)) / math.sqrt(len(known))
    reach = student_quantile(level, freedom) * error
    p_value = student_outside(mean / error, freedom) if error > 0 else float(mean == 0)
    return SeedMean(numbers, mean, mean - reach, mean + reach, p_value)


@dataclass(frozen=True)
class Pair:
    """A run whose contrast has a weight, and the one to compare it with."""

    run: Record
    baseline: Record

    def beside(self, moment: Moment) -> Moment | None:
        """The baseline's moment at the step of a moment of the run; None where it was not looked at then."""
        return next((other for other in self.baseline.moments if other.iteration == moment.iteration), None)


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Every run with a weight beside the baseline of the same seed, data, clips and steps, judged on the same videos.

    A baseline has the start weight 0. Its level, shape, end and temperature change nothing in the training, so it may
    have any; of several the one that has those of `Setting.baseline` is taken. Runs without a baseline are left out
    (`unpaired` tells them). The order is that of the records.
    """
    known = _baselines(records)
    return [Pair(record, known[_shared(record)]) for record in _weighted(records) if _shared(record) in known]


def unpaired(records: Sequence[Record]) -> list[Record]:
    """Runs with a weight for which `pairs` finds no baseline."""
    known = _baselines(records)
    return [record for record in _weighted(records) if _shared(record) not in known]


def weight_off(run: Record) -> Moment | None:
    """The first moment after the start of training at which the weight is zero; None where it never is."""
    return next((moment for moment in run.moments if moment.iteration > 0 and moment.weight == 0), None)


def _weighted(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.setting.start > 0]


def _shared(record: Record) -> tuple[Setting, str]:
    """All that a run and its baseline have in common: everything but the contrast."""
    return record.setting.baseline(), record.videos


def _baselines(records: Sequence[Record]) -> dict[tuple[Setting, str], Record]:
    """By what they share with their runs."""
    found = [record for record in records if record.setting.start == 0]
    found.sort(key=lambda record: record.setting == record.setting.baseline())  # of equals the last one is kept
    return {_shared(record): record for record in found}
