"""Figures of the measured runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.codo.grids import COSINES
from clab_lite.lessons.codo.measured import NAMES, MeasuredRun, pick
from clab_lite.show.style import BLUE, GREY, INK, PALE, VERMILLION, heading, new_figure, quiet

GOAL = 0.2
"""The gap that the specification asks for."""


def draw_measured(
    runs: Sequence[MeasuredRun], background: str, jitter: float, probe_jitter: float
) -> tuple[Figure, str]:
    """One setting: the gap during training (left), the three cosines before and after (right), a dot for each seed."""
    chosen = pick(runs, background, jitter)
    figure, axes = new_figure(9.5, 3.5, 1, 2, width_ratios=[1, 1.25])
    for run in chosen:
        axes[0].plot(run.steps, [p.gap for p in run.embedding], ".-", color=BLUE, linewidth=1.4, markersize=6)
        axes[0].plot(run.steps, [p.gap for p in run.c4], ".--", color=GREY, linewidth=1, markersize=4)
    axes[0].plot([], [], ".-", color=BLUE, label="embedding (what the loss sees)")
    axes[0].plot([], [], ".--", color=GREY, label="C4 (what the detector gets)")
    axes[0].axhline(GOAL, color=PALE, linewidth=1.4)
    axes[0].set_ylim(-0.1, 0.75)
    axes[0].set_xlabel("steps", fontsize=9, color=GREY)
    axes[0].set_ylabel("gap", fontsize=9, color=GREY)
    axes[0].legend(fontsize=9, frameon=False, loc="upper left")
    quiet(axes[0])
    first, last = (np.mean([run.embedding[place].gap for run in chosen]) for place in (0, -1))
    heading(axes[0], f"Gap {first:.2f} → {last:.2f} (seeds: {len(chosen)})")
    place = chosen[0].amplitudes.index(probe_jitter)
    _cosine_dots(axes[1], chosen, place)
    shares = [[getattr(run, when)[place].background_share for run in chosen] for when in ("before", "after")]
    b, a = np.mean(shares[0]), np.mean(shares[1])
    heading(axes[1], f"Share of the background {b:.0%} → {a:.0%}")
    found = [np.mean([getattr(run, when)[place].retrieval for run in chosen]) for when in ("before", "after")]
    numbers = (f"Pasted on {NAMES[background]}, box jitter {jitter:g} in training; the probe is read with jitter "
               f"{probe_jitter:g}. Found again among 32: {found[0]:.0%} → {found[1]:.0%}.")  # fmt: skip
    return figure, numbers


def draw_sources(runs: Sequence[MeasuredRun], jitter: float) -> Figure:
    """Backgrounds compared: what the probe says before and after training, a dot for each seed."""
    kinds = [kind for kind in NAMES if any(run.background == kind and run.jitter == jitter for run in runs)]
    figure, axes = new_figure(9.5, 0.55 * len(kinds) + 1.4, 1, len(_PANELS))
    for panel, (field, label) in zip(axes, _PANELS, strict=True):
        for row, kind in enumerate(kinds):
            for place, face, shift in ((0, "white", -0.14), (-1, BLUE, 0.14)):
                values = [getattr(run.embedding[place], field) for run in pick(runs, kind, jitter)]
                height = [row + shift] * len(values)
                panel.plot(values, height, "o", markersize=6.5, markerfacecolor=face, markeredgecolor=BLUE)
        quiet(panel, grid=False)
        panel.set_xlim(-0.02, None)
        panel.set_ylim(len(kinds) - 0.5, -0.5)
        panel.set_yticks([])
        panel.set_xlabel(label, fontsize=9, color=GREY)
    axes[0].axvline(GOAL, color=VERMILLION, linewidth=1, linestyle=(0, (3, 3)))
    axes[0].set_yticks(range(len(kinds)), [NAMES[kind] for kind in kinds], fontsize=10, color=INK)
    figure.suptitle(sources_title(runs, kinds, jitter), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    return figure


_PANELS = (
    ("gap", "gap"),
    ("background_share", "share of the background"),
    ("against_background", "found against the same background"),
)


def sources_title(runs: Sequence[MeasuredRun], kinds: Sequence[str], jitter: float) -> str:
    """How many backgrounds pass by the gap, and the share of the background that each ends at; means over seeds."""
    passed = [k for k in kinds if np.mean([run.embedding[-1].gap for run in pick(runs, k, jitter)]) > GOAL]
    shares = [np.mean([r.embedding[-1].background_share for r in pick(runs, k, jitter)]) for k in kinds]
    told = ", ".join(f"{share:.0%}" for share in shares)
    return f"Mean gap above {GOAL}: {len(passed)} of {len(kinds)}. Share of the background at the end: {told}"


def _cosine_dots(axes: Axes, chosen: Sequence[MeasuredRun], place: int) -> None:
    for row, (field, label, colour) in enumerate(COSINES):
        for run in chosen:
            before, after = (getattr(getattr(run, when)[place], field) for when in ("before", "after"))
            axes.plot([before], [row - 0.14], "o", markersize=6, markerfacecolor="white", markeredgecolor=colour)
            axes.plot([after], [row + 0.14], "o", markersize=7, color=colour)
        axes.text(-0.3, row - 0.36, label, fontsize=9, color=INK, va="center")
    axes.plot([], [], "o", markerfacecolor="white", markeredgecolor=GREY, label="before")
    axes.plot([], [], "o", color=GREY, label="after")
    axes.legend(fontsize=9, frameon=False, loc="lower right", ncols=2)
    quiet(axes, grid=False)
    axes.set_yticks([])
    axes.set_xlim(-0.32, 1.04)
    axes.set_ylim(2.9, -0.65)
    axes.set_xticks(np.arange(0, 1.01, 0.25))
    axes.set_xlabel("cosine", fontsize=9, color=GREY)
