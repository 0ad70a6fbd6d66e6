"""What to expect of a training: the spread of measured runs with the same setting and other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.config import Config
from clab_lite.data.vid import VideoIndex
from clab_lite.lessons.shipped import has_study
from clab_lite.lessons.shipped import study as shipped_study
from clab_lite.lessons.training.plan import comparable

SERIES = ("detection", "contrast")
"""What the study logged and the board shows: the sum of four losses, and the unweighted contrast."""


@dataclass(frozen=True)
class Band:
    """The lowest and the highest value of several runs, at each logged step. Without runs: why there are none."""

    runs: int
    iterations: NDArray[np.float64]
    low: dict[str, NDArray[np.float64]]
    high: dict[str, NDArray[np.float64]]
    ap: tuple[float, float] | None = None
    """Lowest and highest AP50 at the end of these runs, on the study's own videos."""
    why: str = ""
    """Why there is nothing to draw; empty when there is."""

    @classmethod
    def of(cls, records: Sequence[Any]) -> Band:
        """The band of records of a study (`clab_lite.study.Record`) that logged the same steps."""
        if len(records) < 2:
            return cls.none(f"{len(records)} measured run{'s' * (len(records) != 1)} of this setting: no band")
        steps = np.asarray(records[0].log["iteration"], np.float64)
        if any(not np.array_equal(record.log["iteration"], steps) for record in records):
            return cls.none("the measured runs logged different steps: no band")
        curves = {name: np.stack([np.asarray(record.log[name], np.float64) for record in records]) for name in SERIES}
        low = {name: values.min(axis=0) for name, values in curves.items()}
        high = {name: values.max(axis=0) for name, values in curves.items()}
        final = [float(record.ap["all"]) for record in records]
        return cls(len(records), steps, low, high, (min(final), max(final)))

    @property
    def share(self) -> float:
        """Probability that one more run of the same kind falls inside at a given step: (n - 1) / (n + 1)."""
        return (self.runs - 1) / (self.runs + 1) if self.runs else float("nan")

    @classmethod
    def none(cls, why: str) -> Band:
        """No band, and the reason."""
        return cls(0, np.zeros(0), {}, {}, None, why)

    def inside(self, name: str, iterations: Sequence[int], values: Sequence[float]) -> tuple[int, int]:
        """(how many of the values lie in the band, how many have a band at their step)."""
        places = {int(step): k for k, step in enumerate(self.iterations)}
        pairs = [(places[step], value) for step, value in zip(iterations, values, strict=True) if step in places]
        hits = sum(bool(self.low[name][k] <= value <= self.high[name][k]) for k, value in pairs) if self.runs else 0
        return hits, len(pairs) if self.runs else 0

    def __str__(self) -> str:
        if not self.runs:
            return f"expected band: none ({self.why})."
        return (
            f"expected band: lowest to highest of {self.runs} measured runs that differ by their seed alone.\n"
            f"At any one step, one more run of the same kind falls inside with probability {self.share:.0%}."
        )


def expected_band(config: Config, index: VideoIndex, study: Any = None) -> Band:
    """The band of the study's runs that differ from this one by their seed alone.

    Args:
        config: of the run to come.
        index: the videos it trains on.
        study: a `clab_lite.study.Study`; None takes the shipped one, if there is one.

    Raises:
        DataError: the shipped study is broken.
    """
    if study is None:
        if not has_study():
            return Band.none("no measured runs are shipped here; `clab-lite study runs/study` makes them")
        study = shipped_study()
    return Band.of([
        record
        for record in study.records
        if record.setting.train_videos == len(index)
        and record.setting.seed != config.train.seed
        and comparable(record.setting.config(), config)
    ])  # fmt: skip
