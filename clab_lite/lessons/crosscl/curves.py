"""The five losses of a training, and how alike the stages become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clab_lite.lessons.crosscl.live import Live
from clab_lite.methods.crosscl.measure import Similarity
from clab_lite.methods.shared.steps import StepReport
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, PURPLE, VERMILLION, heading, new_figure, quiet

TERMS = {
    "global": ("global", GREY),
    "p3": ("P3 to P3", ORANGE),
    "p4": ("P4 to P4", PURPLE),
    "p3_to_p4": ("P3 to P4", BLUE),
    "p4_to_p3": ("P4 to P3", VERMILLION),
}
"""Name of a term -> what it is called in figures, and its colour."""
ARM_COLOURS = {"with cross terms": BLUE, "without": VERMILLION, "untrained": GREY}


def smooth(values: Sequence[float], window: int = 8) -> np.ndarray:
    """Mean over the last few values: batches differ, and the eye should see where it goes."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def draw_losses(live: Live) -> Figure:
    """The five terms of both trainings, and the share of valid windows."""
    figure, axes = new_figure(9.5, 3.9, 1, 3, width_ratios=(1, 1, 0.72))
    for panel, run in zip(axes, live.runs.values(), strict=False):
        _terms(panel, run.reports)
        weight = "all five count" if run.method.config.cross_weight else "the cross terms are only watched"
        panel.set_title(f"{run.name}: {weight}", loc="left", fontsize=9.5, color=INK)
    low = min(panel.get_ylim()[0] for panel in axes[:2])
    high = max(panel.get_ylim()[1] for panel in axes[:2])
    for panel in axes[:2]:
        panel.set_ylim(low, high)
    reports = next(iter(live.runs.values())).reports
    share = [report.terms["valid_share"] for report in reports]
    steps = np.arange(1, len(share) + 1)
    axes[2].plot(steps, share, color=PALE, linewidth=1)
    axes[2].plot(steps, smooth(share), color=GREEN, linewidth=2)
    axes[2].set(ylim=(0, 1))
    axes[2].xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes[2].set_title(f"valid windows: {np.mean(share):.0%} on average", loc="left", fontsize=9.5, color=INK)
    quiet(axes[2])
    axes[2].set_xlabel("step", fontsize=9, color=GREY)
    figure.suptitle(_fall(live), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    return figure


def _terms(axes: Axes, reports: Sequence[StepReport]) -> None:
    steps = np.arange(1, len(reports) + 1)
    for name, (label, colour) in TERMS.items():
        axes.plot(steps, smooth([report.terms[name] for report in reports]), color=colour, linewidth=1.8, label=label)
    quiet(axes)
    axes.set_xlabel("step", fontsize=9, color=GREY)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower left")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.3 * (high - low), high)


def _fall(live: Live) -> str:
    """What the cross terms did over both trainings, from their first and last few steps."""

    def change(name: str) -> float:
        reports = live.runs[name].reports
        values = [(report.terms["p3_to_p4"] + report.terms["p4_to_p3"]) / 2 for report in reports]
        part = max(len(values) // 8, 1)
        return float(np.mean(values[-part:]) - np.mean(values[:part]))

    with_terms, without = (change(name) for name in live.runs)
    return f"The cross terms change by {with_terms:+.2f} where they count, by {without:+.2f} where they do not"


def draw_similarity(live: Live) -> Figure:
    """Retrieval over the steps, and the cosines of same and other windows, of both trainings."""
    figure, axes = new_figure(9.5, 3.6, 1, 2)
    for name, run in live.runs.items():
        steps = sorted(run.moments)
        colour = ARM_COLOURS[name]
        found = [run.moments[step].retrieval for step in steps]
        axes[0].plot(steps, found, color=colour, linewidth=2, marker="o", markersize=4)
        place = max(found) + 0.04  # above all of the curve
        axes[0].text(steps[-1], place, f"{name}: {found[-1]:.0%}", color=colour, ha="right", fontsize=9)
        _cosines(axes[1], steps, run.moments, name, colour)
    windows = next(iter(live.runs.values())).last.windows
    axes[0].axhline(1 / windows, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
    axes[0].set(ylim=(-0.02, 1.1), yticks=[0, 0.5, 1])
    axes[0].set_ylabel("share found", fontsize=9, color=GREY)
    for panel in axes:
        quiet(panel)
        panel.set_xlabel("step", fontsize=9, color=GREY)
    with_terms, without = (run.last for run in live.runs.values())
    heading(
        axes[0], f"{with_terms.retrieval:.0%} of {windows} windows find themselves, {without.retrieval:.0%} without"
    )
    gaps = [round(run.same - run.other, 2) + 0.0 for run in (with_terms, without)]  # + 0.0: no "-0.00"
    heading(axes[1], f"Gap of the cosines: {gaps[0]:.2f}, and {gaps[1]:.2f} without")
    return figure


def _cosines(axes: Axes, steps: Sequence[int], moments: Mapping[int, Similarity], name: str, colour: str) -> None:
    same, other = ([getattr(moments[step], kind) for step in steps] for kind in ("same", "other"))
    axes.plot(steps, same, color=colour, linewidth=2)
    axes.plot(steps, other, color=colour, linewidth=1.6, linestyle=(0, (3, 2)))
    axes.set_ylabel("cosine of P3 with P4", fontsize=9, color=GREY)
    if name == "with cross terms":
        axes.text(steps[-1], same[-1] + 0.05, "same window", color=colour, ha="right", fontsize=9)
        top = max(range(len(steps)), key=lambda i: other[i])
        axes.text(steps[top], other[top] + 0.05, "other windows (dashed)", color=colour, fontsize=9)
    axes.set(ylim=(-0.5, 1.15))
