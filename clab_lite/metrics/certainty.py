"""How sure a number is, from its values in drawn sets of videos: intervals, and whether one detector is better.

Draws of few sources vary less than sets of other sources would, and how much less is itself a guess. Both make an
interval too short. It is widened as Student's t is beside the normal distribution: the expanded percentile interval
of Hesterberg (2015), "What Teachers Should Know About the Bootstrap", The American Statistician 69 (4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from clab_lite.errors import DataError

MIN_SOURCES = 5
"""With fewer source videos there is no interval: the draws say next to nothing about other videos."""
LEVEL = 0.95
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Sources:
    """How many source videos show what counts for a number.

    total: of any class. per_class: of each class that is shown at all; for the AP of one class it is that class alone.
    """

    total: int
    per_class: tuple[int, ...]

    @classmethod
    def of_class(cls, count: int) -> Sources:
        """Of the AP of a single class."""
        return cls(count, (count,) if count else ())

    @property
    def freedom(self) -> int:
        """Degrees of freedom: each class spends one on its own mean."""
        return min(self.total - 1, sum(count - 1 for count in self.per_class))

    @property
    def widening(self) -> float:
        """By which the spread of the draws is multiplied to be that of other sources.

        Draws of n sources have a variance (n - 1) / n of what it should be: nothing at all for a class that only one
        source shows. In a mean over classes the variances add up, here as if a source of each varied alike.
        """
        expected = sum(1 / count for count in self.per_class)
        return math.sqrt(expected / sum((count - 1) / count**2 for count in self.per_class))

    @property
    def too_few(self) -> str | None:
        """Why there is no interval, or None when there is one. A mean over classes that hardly any source shows twice
        would have to be widened more than a single class of `MIN_SOURCES` sources: then there is none either."""
        if self.total < MIN_SOURCES:
            return f"{self.total} source video{' is' if self.total == 1 else 's are'} too few"
        most = Sources.of_class(MIN_SOURCES).reach(LEVEL)
        if self.freedom < 1 or self.reach(LEVEL) > most * (1 + 1e-9):
            return f"{self.total} source videos are too few for {len(self.per_class)} classes"
        return None

    def reach(self, level: float) -> float:
        """How many standard deviations of the draws the interval goes to either side."""
        return self.widening * student_quantile(level, self.freedom)


@dataclass(frozen=True)
class Difference:
    """By how much a second detector is better than a first one, on the same data.

    value: second minus first, on the data as they are.
    interval: where the difference lies with 95 % nominal certainty (or the level asked for).
    probability_better: share of the draws in which the second is better; a tie counts half.
    p_value: two-sided; small when the draws agree on which one is better: at which level the interval touches 0.
        At least 2 / 2**n with n sources, as when each is better for one of the two by the toss of a coin.
    unsure: why the last three are None.
    """

    value: float
    interval: tuple[float, float] | None
    probability_better: float | None
    p_value: float | None
    unsure: str | None = None


def interval(values: NDArray[np.float64], sources: Sources, level: float = LEVEL) -> tuple[float, float] | None:
    """Where the number lies with a nominal certainty of `level`.

    Args:
        values: (B,) in each draw; those that are NaN are left out.
        sources: what the number stands on.

    Returns:
        Lowest and highest; None without draws, or with too few sources.
    """
    numbers = values[~np.isnan(values)]
    if not len(numbers) or sources.too_few:
        return None
    outside = _NORMAL.cdf(-sources.reach(level))
    low, high = np.quantile(numbers, [outside, 1 - outside]).tolist()
    return low, high


def compare(
    first: NDArray[np.float64], second: NDArray[np.float64], value: float, sources: Sources, level: float = LEVEL
) -> Difference:
    """Is the second detector better than the first?

    Args:
        first, second: (B,) AP of each in the same draws, `ResampledAP.mean` or a column of `per_class`. Taking
            the difference per draw removes what easy or hard videos do to both.
        value: AP of the second minus AP of the first on the data as they are.
        sources: what both stand on.
        level: of the interval.

    Raises:
        DataError: the draws are not as many.
    """
    if len(first) != len(second):
        raise DataError(f"{len(first)} and {len(second)} resamples cannot be paired. Use the same draws for both.")
    differences = second - first
    differences = differences[~np.isnan(differences)]
    count = len(differences)
    if sources.too_few or not count:
        return Difference(value, None, None, None, sources.too_few or "no videos were drawn")
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    against = count - max(better, worse)  # as many do not say what most say
    deviations = -_NORMAL.inv_cdf(min(0.5, (against + 1) / (count + 1)))
    p_value = student_outside(deviations / sources.widening, sources.freedom)
    share = (better + (count - better - worse) / 2) / count
    return Difference(value, interval(differences, sources, level), share, max(p_value, 2 / 2**sources.total))


def student_outside(t: float, freedom: int) -> float:
    """Probability that Student's t with so many degrees of freedom is beyond t on either side."""
    return float(2 * stdtr(freedom, -abs(t)))


def student_quantile(level: float, freedom: int) -> float:
    """Between -t and t of Student's distribution lies `level`."""
    return float(stdtrit(freedom, (1 + level) / 2))
