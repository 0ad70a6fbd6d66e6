"""Panels of the weight explorer: the schedule, the share of the gradient, the angle, the cloud of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from clab_lite.lessons.weights.nearest import Asked, Found
from clab_lite.lessons.weights.shares import Balance, number, percent, schedule_of
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, PURPLE, VERMILLION, class_style, heading, quiet

_MOST_COLOURS = 8
_FINE = np.linspace(0, 1, 401)


def schedule_panel(axes: Axes, asked: Asked, found: Found, progress: float) -> None:
    """w(t) as asked (exact), and dashed that of the measured run where it is another one."""
    weight = schedule_of(asked.shape, asked.start, asked.until)
    values = [weight(float(p)) for p in _FINE]
    axes.plot(_FINE, values, color=BLUE, linewidth=2, label="as asked (exact)")
    setting = found.record.setting
    run = schedule_of(setting.shape, setting.start, setting.until)
    measured = [run(float(p)) for p in _FINE]
    if not np.allclose(measured, values):
        axes.plot(_FINE, measured, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), label="the measured run's")
        axes.legend(fontsize=9, frameon=False, loc="upper right")
    axes.plot([progress], [weight(progress)], "o", color=VERMILLION, markersize=6, zorder=5)
    axes.set_ylim(0, 1.18 * max(*values, *measured, 1e-6))
    axes.set_ylabel("weight w(t)", fontsize=9, color=GREY)
    heading(axes, schedule_title(asked, progress))
    _time_axis(axes, progress)


def schedule_title(asked: Asked, progress: float) -> str:
    """What the curve says at the moment that is shown."""
    now = schedule_of(asked.shape, asked.start, asked.until)(progress)
    if asked.start == 0:
        return "w = 0 throughout: the baseline"
    return f"w = {number(now)} at {percent(progress)} of training"


def share_panel(axes: Axes, asked: Asked, found: Found, balance: Balance, progress: float) -> None:
    """The contrastive loss's share of the gradient at C4: a dot for each measurement."""
    shares = balance.share
    axes.plot(balance.progress, shares, ".-", color=ORANGE, markersize=6, linewidth=1.5, label="measured")
    if found.different:
        estimate = balance.share_with(schedule_of(asked.shape, asked.start, asked.until))
        axes.plot(
            balance.progress, estimate, color=BLUE, linewidth=1.2, linestyle=(0, (2, 2)), label="your w (estimate)"
        )
        axes.legend(fontsize=9, frameon=False, loc="upper right", ncols=2)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.set_ylabel("share of gradient", fontsize=9, color=GREY)
    heading(axes, share_title(balance))
    _time_axis(axes, progress)


def share_title(balance: Balance) -> str:
    """The course of the measured share, in numbers of this run."""
    if not len(balance.progress):
        return "This run logged no gradients"
    shares = balance.share
    if not shares.any():
        return "Share: 0 % throughout"
    peak = int(shares.argmax())
    return f"Share: {percent(shares[0])} at first, {percent(shares[peak])} at most, {percent(shares[-1])} at last"


def cosine_panel(axes: Axes, balance: Balance, progress: float) -> None:
    """The cosine between the two gradients."""
    axes.axhline(0, color=PALE, linewidth=1)
    axes.plot(balance.progress, balance.cosine, ".-", color=PURPLE, markersize=6, linewidth=1.5)
    axes.set_ylim(-1.05, 1.05)
    axes.set_ylabel("cosine of gradients", fontsize=9, color=GREY)
    heading(axes, cosine_title(balance))
    _time_axis(axes, progress)
    axes.set_xlabel("progress of training", fontsize=9, color=GREY)


def cosine_title(balance: Balance) -> str:
    """Whether the two losses pull the same way, from the mean over the run."""
    known = balance.cosine[np.isfinite(balance.cosine)]
    if not len(known):
        return "Angle between the gradients: not measured"
    mean = round(float(known.mean()), 2) + 0.0  # no "-0.00"
    words = "Nearly at right angles" if abs(mean) < 0.1 else "Rather together" if mean > 0 else "Rather opposed"
    return f"{words}: mean cosine {mean:.2f}"


def moment_at(record: Any, progress: float) -> Any:
    """The moment of a run, among those whose embeddings were kept, that lies nearest to a progress in [0, 1]."""
    return min(record.moments, key=lambda moment: abs(moment.iteration / record.setting.iterations - progress))


def cloud_panel(axes: Axes, points: NDArray[np.float32], groups: Sequence[str], title: str, note: str) -> None:
    """A map of embeddings, the most frequent groups in colour."""
    names = np.asarray(groups).astype(str)
    found, counts = np.unique(names[names != ""], return_counts=True)
    shown = sorted(found[np.argsort(-counts, kind="stable")][:_MOST_COLOURS].tolist())
    rest = ~np.isin(names, shown)
    axes.scatter(points[rest, 0], points[rest, 1], s=9, color=PALE, linewidths=0)
    for position, name in enumerate(shown):
        colour, marker = class_style(position)
        label = name.rsplit("/", 1)[-1].removeprefix("ILSVRC2015_").replace("_", " ")
        rows = names == name
        axes.scatter(
            points[rows, 0], points[rows, 1], s=20, color=colour, marker=marker, alpha=0.8, linewidths=0, label=label
        )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(PALE)
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold", pad=22)
    axes.text(0, 1.012, note, transform=axes.transAxes, fontsize=9, color=GREY, va="bottom")
    if len(found) > len(shown):
        axes.scatter([], [], s=20, color=PALE, label=f"{len(found) - len(shown)} more")
    axes.legend(
        fontsize=9, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.01), handletextpad=0.1,
        columnspacing=0.8,
    )  # fmt: skip


def _time_axis(axes: Axes, progress: float) -> None:
    axes.axvline(progress, color=VERMILLION, linewidth=1)
    axes.set_xlim(-0.01, 1.01)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    quiet(axes)
