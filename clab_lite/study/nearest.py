"""The measured run that comes nearest to a setting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clab_lite.config import WeightScheduleConfig
from clab_lite.schedule import contrast_schedule
from clab_lite.study.record import Record
from clab_lite.study.setting import Setting, Shape


def nearest_of(records: Sequence[Record], asked: Setting) -> Record:
    """The record (of at least one) nearest to what is asked. The caller says how it differs.

    Level, number of training videos, clips and steps count most, then the start weight and the temperature (in powers
    of ten), the course of the weight (the mean distance between the two curves, both from 1), and last the seed.
    """
    course = _course(asked.shape, asked.until)

    def distance(record: Record) -> float:
        has = record.setting
        pulls = asked.start > 0 or has.start > 0  # without weight, its course and its temperature change nothing
        curve = np.abs(course - _course(has.shape, has.until)).mean() if pulls else 0.0
        heat = abs(math.log10(asked.temperature / has.temperature)) if pulls else 0.0
        other = asked.level != has.level and has.start > 0
        others = [getattr(asked, name) != getattr(has, name) for name in ("train_videos", "clips", "iterations")]
        weight = 2 * abs(_decades(asked.start) - _decades(has.start))
        return float(weight + curve + heat + 10 * (other + sum(others)) + 0.001 * abs(asked.seed - has.seed))

    return min(records, key=distance)


def _course(shape: Shape, until: float) -> NDArray[np.float64]:
    weight = contrast_schedule(WeightScheduleConfig(shape=shape, start=1.0, until=until), 1)
    return np.array([weight(progress) for progress in np.linspace(0, 1, 101)])


def _decades(weight: float) -> float:
    """log10 of a weight; zero counts as a decade and a half below the paper's 0.005."""
    return math.log10(max(weight, 0.00015))
