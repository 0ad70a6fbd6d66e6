"""Pictures of the comparison: what every arm reached and gave, and what it cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.choosing.facts import NAMES
from clab_lite.lessons.choosing.table import signed
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet
from clab_lite.study.comparison import ARMS, Comparison, Effect, effects
from clab_lite.study.comparison.arms import ArmName

MEASURES = {
    "all frames": "all",
    "clean frames": "clean",
    "troubled frames": "troubled",
    "slow objects": "slow",
    "medium objects": "medium",
    "fast objects": "fast",
}


def draw_comparison(comparison: Comparison, measure: str = "all", baseline: ArmName = "scratch") -> Figure:
    """AP50 of every run by arm (left), and the difference to the baseline of the same seed with its interval."""
    found = {effect.arm: effect for effect in effects(comparison, baseline, measure)}
    arms = [name for name in ARMS if comparison.of(name)]
    figure, (left, right) = new_figure(9.5, 1.6 + 0.38 * len(arms), 1, 2, sharey=True, width_ratios=(1, 1.15))
    for place, name in enumerate(arms):
        values = [record.ap.get(measure, np.nan) for record in comparison.of(name)]
        left.scatter(values, [place] * len(values), s=22, color=GREY, alpha=0.65, zorder=2)
        left.scatter([np.nanmean(values)], [place], s=52, color=INK, zorder=3)
        if name in found:
            _difference(right, place, found[name])
        for axes in (left, right):
            axes.axhline(place, color=PALE, linewidth=0.5, zorder=0)
    right.axvline(0, color=GREY, linewidth=1.0, zorder=1)
    right.text(0, arms.index(baseline), " baseline", fontsize=9, color=GREY, va="center")
    left.set_yticks(range(len(arms)), [NAMES[name] for name in arms], fontsize=9)
    left.set_ylim(len(arms) - 0.5, -0.5)
    left.set_xlabel("AP50; a small dot for each seed, a large one for the mean", fontsize=9, color=GREY)
    right.set_xlabel("difference to the baseline of the same seed, 95 %", fontsize=9, color=GREY)
    for axes in (left, right):
        quiet(axes, grid=False)
    left.tick_params(axis="y", colors=INK)
    right.tick_params(axis="y", length=0)
    figure.suptitle(finding(list(found.values())), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    return figure


def finding(found: list[Effect]) -> str:
    """The title: how many intervals leave out zero, and how many of them stay when all looks are paid for."""
    known = [effect for effect in found if effect.difference.enough]
    if not known:
        return "No intervals: too few seeds"
    away = sum(effect.difference.certain for effect in known)
    stay = [effect for effect in known if effect.corrected <= 0.05]
    text = f"{away} of {len(known)} intervals leave out zero"
    if not away:
        return text
    above = sum(effect.difference.low > 0 for effect in known)
    sides = f"{above} above, {away - above} below"
    return f"{text} ({sides}); {len(stay) or 'none'} when the {len(known)} looks are paid for"


def explore_comparison(comparison: Comparison) -> Callable[..., tuple[Figure, str]]:
    """For `lessons.explore`: draw(measure=..., baseline=...), measures as in MEASURES."""

    def draw(measure: str, baseline: ArmName) -> tuple[Figure, str]:
        name = MEASURES[measure]
        found = effects(comparison, baseline, name)
        words = "; ".join(f"{NAMES[effect.arm]} {signed(effect.difference)}" for effect in found)
        return draw_comparison(comparison, name, baseline), f"AP50, {measure}: {words}"

    return draw


def draw_costs(comparison: Comparison) -> Figure:
    """Processor time of a run by arm: pre-training, then the detector."""
    arms = [name for name in ARMS if comparison.of(name)]
    figure, (axes,) = new_figure(8.5, 1.3 + 0.34 * len(arms))
    totals = []
    for place, name in enumerate(arms):
        before = float(np.mean([record.pretrain_seconds for record in comparison.of(name)]))
        after = float(np.mean([record.detector_seconds for record in comparison.of(name)]))
        axes.barh(place, before, color=ORANGE, height=0.62, label="pre-training" if place == 0 else None)
        axes.barh(place, after, left=before, color=BLUE, height=0.62, label="detector" if place == 0 else None)
        axes.text(before + after, place, f"  {before + after:.0f} s", va="center", fontsize=9, color=GREY)
        totals.append(before + after)
    axes.set_yticks(range(len(arms)), [NAMES[name] for name in arms], fontsize=9)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(0, 1.4 * max(totals))
    axes.legend(loc="center right", frameon=False, fontsize=9, labelcolor=GREY)
    axes.set_xlabel("processor time of a run in seconds, one core, mean over seeds", fontsize=9, color=GREY)
    quiet(axes, grid=False)
    axes.tick_params(axis="y", colors=INK)
    equal = [total for name, total in zip(arms, totals, strict=True) if name != "short"]
    heading(axes, f"All but the short run cost the same within {100 * (max(equal) / min(equal) - 1):.0f} %")
    return figure


def _difference(axes: Axes, place: int, effect: Effect) -> None:
    value = effect.difference
    colour = VERMILLION if value.certain else BLUE
    if value.enough:
        axes.plot([value.low, value.high], [place] * 2, color=colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
    axes.scatter(value.values, [place] * len(value.values), s=18, color=GREY, alpha=0.65, zorder=2)
    axes.scatter([value.mean], [place], s=46, color=colour, zorder=3)
