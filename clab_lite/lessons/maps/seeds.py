"""The scores of the shipped study's runs: what the branch changed, seed by seed, with an interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clab_lite.lessons.shipped import has_study, study
from clab_lite.metrics.certainty import LEVEL
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, PlainFigure, heading, new_figure, quiet
from clab_lite.study.paired import SeedMean, over_seeds, pairs, weight_off
from clab_lite.study.record import Moment
from clab_lite.study.setting import Setting

_MOMENTS = {"contrast off": ORANGE, "half way": ORANGE, "at the end": BLUE}


@dataclass(frozen=True)
class Difference:
    """A score with the branch minus the same without, paired by seed."""

    arm: str
    """What was contrasted and how strongly."""
    moment: str
    level: str
    score: str
    change: SeedMean


def measured() -> list[Difference]:
    """Differences of the shipped study; none where no study is shipped.

    Raises:
        DataError: the shipped study is broken.
    """
    return differences(study().records) if has_study() else []


def differences(records: Sequence[Any]) -> list[Difference]:
    """Pair each run that has a contrast with the baseline of its seed; arms of at least three pairs are kept.

    records: `clab_lite.study` records, each with its setting and moments.
    """
    values: dict[tuple[Setting, str, str, str], list[float]] = defaultdict(list)
    for pair in pairs(records):
        for name, mine in moments_of(pair.run).items():
            other = pair.beside(mine)
            for level, scores in mine.scores.items():
                theirs = other.scores.get(level, {}) if other else {}
                for score, value in scores.items():
                    values[pair.run.setting.arm, name, level, score].append(value - theirs.get(score, np.nan))
    found = [(key, over_seeds(per_seed)) for key, per_seed in values.items()]
    return [
        Difference(arm_of(arm), moment, level, score, change)
        for (arm, moment, level, score), change in found
        if change.enough
    ]


def moments_of(record: Any) -> dict[str, Moment]:
    """ "contrast off" (or "half way", where the weight does not reach zero before the end), and "at the end"."""
    last, off = record.moments[-1], weight_off(record)
    if off and off is not last:
        return {"contrast off": off, "at the end": last}
    half = min(record.moments, key=lambda moment: abs(moment.iteration - last.iteration / 2))
    return {"half way": half, "at the end": last}


def arm_of(setting: Any) -> str:
    """A setting in words, without its seed."""
    course = "kept" if setting.shape == "constant" else f"{setting.shape} to 0 at {100 * setting.until:g}%"
    contrast = f"{setting.level}s, w = {setting.start:g} {course}, τ = {setting.temperature:g}, {setting.clips} clips"
    return f"{contrast}, {setting.train_videos} videos, {setting.iterations} steps"


def draw_differences(found: Sequence[Difference], arm: str) -> tuple[Figure, str]:
    """Mean difference and interval of every score, frames and objects side by side; dots are seeds."""
    mine = [difference for difference in found if difference.arm == arm]
    if not mine:
        return _nothing(), numbers(mine)
    levels = sorted({difference.level for difference in mine})
    figure, panels = new_figure(9.5, 4.6, 1, len(levels))
    for axes, level in zip(panels, levels, strict=True):
        here = [d for d in mine if d.level == level]
        names = list(dict.fromkeys(d.score for d in here))
        moments = list(dict.fromkeys(d.moment for d in here))
        axes.axvline(0, color=INK, linewidth=1)
        for d in here:
            y = names.index(d.score) + 0.3 * (moments.index(d.moment) - (len(moments) - 1) / 2)
            axes.plot([d.change.low, d.change.high], [y, y], color=_MOMENTS[d.moment], linewidth=2)
            axes.scatter(d.change.values, [y] * len(d.change.values), s=8, color=GREY, zorder=3)
            axes.scatter(d.change.mean, y, s=40, color=_MOMENTS[d.moment], zorder=4)
        axes.set_yticks(range(len(names)), [score_name(name) for name in names])
        axes.invert_yaxis()
        heading(axes, f"{level}s")
        quiet(axes, grid=False)
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        axes.set_xlabel("with the branch − without", fontsize=10)
    _legend(figure, mine)
    figure.suptitle(differences_finding(mine), x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure, numbers(mine)


def _nothing() -> Figure:
    """One sentence: axes would promise numbers."""
    figure = PlainFigure(figsize=(9.5, 0.7), facecolor="white")
    figure.text(0.01, 0.5, differences_finding([]), fontsize=12, color=INK, fontweight="bold", va="center")
    return figure


def _legend(figure: Figure, mine: Sequence[Difference]) -> None:
    handles = [
        Line2D([], [], color=_MOMENTS[name], marker="o", linewidth=2, label=f"{name}: mean and {LEVEL:.0%} interval")
        for name in dict.fromkeys(d.moment for d in mine)
    ]
    handles.append(Line2D([], [], linestyle="", marker="o", markersize=3, color=GREY, label="one seed"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def differences_finding(mine: Sequence[Difference]) -> str:
    """How many of the differences at the end are told from zero by their own interval."""
    if not mine:
        return "No setting with three paired seeds is there: no interval to draw"
    end = [d for d in mine if d.moment == "at the end"]
    some = [d for d in end if d.change.certain]
    seeds = len(end[0].change.values) if end else 0
    told = f"{len(some)} of {len(end)} score differences have a {LEVEL:.0%} interval without zero"
    return f"At the end {told} ({seeds} seeds)\n{mine[0].arm}"


def numbers(mine: Sequence[Difference]) -> str:
    """The differences that leave zero out, as one line."""
    if not mine:
        return "nothing measured"
    parts = [
        f"{d.level}s, {score_name(d.score).replace(chr(10), ' ')}, {d.moment}:"
        f" {d.change.mean:+.3f} ± {d.change.half:.3f}"
        for d in mine
        if d.change.certain
    ]
    return "zero is left out by: " + "; ".join(parts) if parts else "every interval holds zero"


def score_name(score: str) -> str:
    """A study's name of a score in words; what its neighbour scores leave out is said in `clab_lite.study.observe`."""
    kind, _, by = score.partition("_")
    if kind == "knn":
        return "kNN purity by class,\nown video out" if by == "class" else f"nearest is of the {by}"
    return f"{kind} by {by}" if by else kind
