"""What the temperature does: which negatives are pushed away, and when nothing is left to push."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.show.style import BLUE, GREEN, GREY, INK, VERMILLION, heading, new_figure, quiet

NEGATIVES = 9
"""Four clips of three frames: nine frames of other clips."""
LOWEST = -0.4
"""Cosine of the farthest negative."""
RANGE = (0.02, 2.0)
"""Temperatures that the curves show."""


@dataclass(frozen=True)
class Anchor:
    """One anchor, one positive, several negatives: cosines only."""

    positive: float
    negatives: NDArray[np.float64]

    def shares(self, temperature: float) -> tuple[float, NDArray[np.float64]]:
        """(positive's share, negatives' shares (N,)) of the denominator; together 1."""
        logits = np.concatenate([[self.positive], self.negatives]) / temperature
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        return float(shares[0]), shares[1:]

    def pushes(self, temperature: float) -> NDArray[np.float64]:
        """(N,) each negative's share of the gradient on all negatives; sums to 1."""
        logits = self.negatives / temperature
        weights = np.exp(logits - logits.max())
        return weights / weights.sum()

    def gradient(self, temperature: float) -> float:
        """Size of the loss's derivative by the positive's cosine: (1 - its share) / τ."""
        return float(np.sum(self.shares(temperature)[1])) / temperature


def anchor(positive: float, hardest: float) -> Anchor:
    """Nine negatives whose cosines run evenly from LOWEST to `hardest`."""
    return Anchor(positive, np.linspace(hardest, LOWEST, NEGATIVES))


def that_count(pushes: NDArray[np.float64]) -> float:
    """How many negatives share the push, were it even: the exponential of the entropy, 1 to N."""
    seen = pushes[pushes > 0]
    return float(np.exp(-np.sum(seen * np.log(seen))))


def draw_temperature(temperature: float, positive: float, hardest: float) -> tuple[Figure, str]:
    """Bars: who is pushed. Curves: the same two numbers at every temperature, with this one marked."""
    case = anchor(positive, hardest)
    share, _ = case.shares(temperature)
    pushes = case.pushes(temperature)
    figure, (bars, curves) = new_figure(9.2, 4.0, columns=2, width_ratios=(1.1, 1))
    _draw_pushes(bars, case, pushes)
    _draw_curves(curves, case, temperature)
    numbers = (
        f"τ = {temperature:.3g} · loss {_loss(case, temperature):.4f} · positive's share {share:.4f} · "
        f"closest negative's push {pushes[0]:.0%} · negatives that count {that_count(pushes):.1f} of {NEGATIVES} · "
        f"gradient {case.gradient(temperature):.3g}"
    )
    return figure, numbers


def _loss(case: Anchor, temperature: float) -> float:
    crowd = np.logaddexp.reduce(case.negatives / temperature)
    return float(np.logaddexp(0, crowd - case.positive / temperature))


def _draw_pushes(axes: Axes, case: Anchor, pushes: NDArray[np.float64]) -> None:
    quiet(axes)
    places = np.arange(len(pushes))
    axes.bar(places, pushes, color=VERMILLION, width=0.7)
    axes.axhline(1 / len(pushes), color=GREY, linestyle="--", linewidth=1)
    axes.text(len(pushes) - 0.5, 1 / len(pushes), "an even share", ha="right", va="bottom", fontsize=9.5, color=GREY)
    axes.set_xticks(places, [f"{value:.2f}" for value in case.negatives])
    axes.set(xlim=(-0.6, len(pushes) - 0.4), ylim=(0, 1.02), ylabel="share of the push")
    _mark_positive(axes, case)
    axes.set_xlabel("negatives by their cosine with the anchor", fontsize=10, color=INK)
    count = that_count(pushes)
    heading(axes, f"The closest negative takes {pushes[0]:.0%}; {count:.1f} of {len(pushes)} count")


def _mark_positive(axes: Axes, case: Anchor) -> None:
    """A line where the positive's cosine would stand among the bars; at the edge where it lies beyond them."""
    rising = case.negatives[::-1]
    here = float(np.interp(case.positive, rising, np.arange(len(rising))[::-1]))
    beyond = case.positive > rising[-1]
    here = -0.5 if beyond else here
    axes.axvline(here, ymax=0.9, color=GREEN, linewidth=1.6, linestyle=(0, (4, 2)))
    side = " (closer than all)" if beyond else ""
    left = here > len(rising) / 2  # there the words would run out of the panel
    at, word = here + (-0.12 if left else 0.12), f"the positive: {case.positive:.2f}{side}"
    axes.text(at, 0.9, word, fontsize=9.5, color=GREEN, va="top", ha="right" if left else "left")


def _draw_curves(axes: Axes, case: Anchor, temperature: float) -> None:
    quiet(axes)
    low, high = RANGE
    every = np.geomspace(low, high, 60)
    hardest = [case.pushes(t)[0] for t in every]
    left = [1 - case.shares(t)[0] for t in every]
    for values, colour, name in (
        (hardest, VERMILLION, "closest negative's share of the push"),
        (left, BLUE, "what is left to learn: 1 − positive's share"),
    ):
        axes.plot(every, values, color=colour, linewidth=2, label=name)
    axes.axvline(temperature, color=INK, linewidth=1, linestyle=":")
    axes.plot(temperature, case.pushes(temperature)[0], "o", color=VERMILLION, markersize=8)
    axes.plot(temperature, 1 - case.shares(temperature)[0], "o", color=BLUE, markersize=8)
    axes.set_xscale("log")
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set(xlim=RANGE, ylim=(0, 1.05))
    axes.set_xlabel("temperature τ", fontsize=10, color=INK)
    axes.legend(fontsize=9.5, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.16))
    heading(axes, _saturation(case, temperature))


def _saturation(case: Anchor, temperature: float) -> str:
    left = 1 - case.shares(temperature)[0]
    if left < 0.01:
        return f"Saturated: {left:.1%} left to learn"
    if left > 0.99:
        return f"All wrong: {left:.1%} to learn"
    return f"1 − the positive's share: {left:.2f} (loss {_loss(case, temperature):.2f})"
