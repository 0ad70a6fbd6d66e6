"""The two figures of a sweep: the rank ladder of each method, and the ROC curves for unknown crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.show.style import GREY, INK, PALE, PALETTE, heading, new_figure, quiet, spread
from clab_lite.study.ranked.record import TrialRecord

RUNGS = ("own class", "rank 2", "rank 3", "rest")
_GRID = np.linspace(0, 1, 101)


def by_method(records: Sequence[TrialRecord]) -> dict[str, list[TrialRecord]]:
    """The runs of each method, in the order of their making."""
    groups: dict[str, list[TrialRecord]] = {}
    for record in records:
        groups.setdefault(record.method, []).append(record)
    return groups


def ladder_figure(records: Sequence[TrialRecord], methods: Sequence[str] | None = None) -> Figure:
    """Mean cosine per rung: a thick line per method, a thin one per seed.

    methods: which, in order; None takes all.
    """
    groups = by_method(records)
    chosen = {name: groups[name] for name in (groups if methods is None else methods) if name in groups}
    figure, (axes,) = new_figure(8.2, 4.4)
    heading(axes, finding_ladder(chosen))
    places = np.arange(len(RUNGS))
    ends = []
    for colour, runs in zip(PALETTE, chosen.values(), strict=False):
        steps = np.array([run.ladder for run in runs], np.float64)
        for row in steps:
            axes.plot(places, row, color=colour, linewidth=0.8, alpha=0.45)
        axes.plot(places, steps.mean(axis=0), color=colour, linewidth=2.4, marker="o", markersize=5)
        ends.append(float(steps.mean(axis=0)[-1]))
    axes.axhline(0, color=PALE, linewidth=1, zorder=0)
    axes.set_xticks(places, RUNGS)
    axes.set_xlim(-0.15, 3.75)
    axes.set_ylabel("mean cosine of test crops to class means", color=GREY, fontsize=9)
    low, high = axes.get_ylim()
    for place, colour, (name, runs) in zip(spread(ends, 0.065 * (high - low)), PALETTE, chosen.items(), strict=False):
        axes.text(3.08, place, f"{name}, {_seeds(len(runs))}", color=colour, fontsize=9, va="center")
    quiet(axes)
    axes.tick_params(axis="x", labelsize=10, labelcolor=INK)
    return figure


def finding_ladder(chosen: Mapping[str, Sequence[TrialRecord]]) -> str:
    """The title: what the third rank did to the ladder, where both are there."""
    plain, ranked = (next((runs for name, runs in chosen.items() if name.startswith(f"r={r} ")), None) for r in (1, 3))
    if not plain or not ranked:
        return "The rank ladder"
    before, after = (np.mean([run.ladder for run in runs], axis=0) for runs in (plain, ranked))
    verb = "falls rung by rung" if (np.diff(after) < 0).all() else "does not fall rung by rung"
    return f"With three ranks the ladder {verb}; rank 2 goes from {before[1]:.2f} to {after[1]:.2f}".replace("-0", "−0")


def roc_figure(records: Sequence[TrialRecord], methods: Sequence[str] | None = None) -> Figure:
    """Known crops against withheld classes (left) and against backgrounds (right): mean curve and range over seeds."""
    groups = by_method(records)
    chosen = {name: groups[name] for name in (groups if methods is None else methods) if name in groups}
    figure, (near, far) = new_figure(9.5, 4.7, 1, 2, sharex=True, sharey=True)
    withheld = " and ".join(next(iter(chosen.values()))[0].withheld) if chosen else "nothing"
    _curves(near, chosen, "near")
    _curves(far, chosen, "far")
    heading(near, f"Near: against {withheld or 'nothing'} (withheld)")
    heading(far, "Far: against crops without an object")
    near.set_ylabel("share of known crops accepted", color=GREY, fontsize=9)
    for axes in (near, far):
        axes.set_xlabel("share of unknown crops accepted", color=GREY, fontsize=9)
        axes.set_aspect("equal")
        quiet(axes)
    return figure


def _curves(axes: Axes, chosen: Mapping[str, Sequence[TrialRecord]], which: str) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.text(0.62, 0.57, "chance", color=GREY, fontsize=8, rotation=45, rotation_mode="anchor", ha="left", va="top")
    for colour, (name, runs) in zip(PALETTE, chosen.items(), strict=False):
        rates = np.array([_on_grid(getattr(run, f"{which}_curve")) for run in runs])
        areas = [getattr(run, f"{which}_auroc") for run in runs]
        axes.fill_between(_GRID, rates.min(axis=0), rates.max(axis=0), color=colour, alpha=0.13, linewidth=0)
        axes.plot(_GRID, rates.mean(axis=0), color=colour, linewidth=1.8, label=f"{name}: {np.mean(areas):.2f}")
    if not chosen:
        return
    legend = axes.legend(title="AUROC", loc="lower right", fontsize=8.5, title_fontsize=8.5, frameon=False)
    legend._legend_box.align = "left"  # type: ignore[attr-defined]


def _on_grid(curve: tuple[tuple[float, ...], tuple[float, ...]]) -> NDArray[np.float64]:
    """True positive rate at fixed false positive rates; of a vertical piece the upper end."""
    false, true = (np.array(rates) for rates in curve)
    last = np.append(np.diff(false) > 0, True)
    return np.interp(_GRID, false[last], true[last])


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"
