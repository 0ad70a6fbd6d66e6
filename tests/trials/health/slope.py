"""Whether a series of measurements rises: a straight line through its second half, and how sure its slope is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Slope:
    """Of a line fitted to (x, y)."""

    value: float
    """In units of y per unit of x."""
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom behind it."""

    @property
    def upper(self) -> float:
        """The slope is below this with 95 % confidence."""
        return self.value + float(t.ppf(0.95, self.freedom)) * self.error

    @property
    def lower(self) -> float:
        """The slope is above this with 95 % confidence."""
        return 2 * self.value - self.upper


def slope_of(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Least squares. The error allows for residuals that follow their neighbours.

    Memory moves in steps, so that measurements side by side say the same thing: of n residuals with correlation r from
    one to the next, n (1 - r) / (1 + r) count, as of a first-order autoregressive series.

    Raises:
        ValueError: fewer than four points.
    """
    if len(x) < 4:
        raise ValueError(f"{len(x)} measurements have no slope worth naming. Measure at least 4.")
    places, values = np.asarray(x, float), np.asarray(y, float)
    away = places - places.mean()
    spread = float(away @ away)
    value = float(away @ (values - values.mean())) / spread
    left = values - values.mean() - value * away
    squares = float(left @ left)
    follows = min(max(float(left[1:] @ left[:-1]) / squares, 0.0), 0.99) if squares > 0 else 0.0
    counting = max(len(places) * (1 - follows) / (1 + follows), 3.0)
    return Slope(value, math.sqrt(squares / (counting - 2) / spread), counting - 2)
