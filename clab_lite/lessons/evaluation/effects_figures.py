"""Pictures of effects over seeds: every pair of runs, all measures of a setting, all settings of a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.evaluation.effects import in_words, paired_runs, settings_of, table_of_effects
from clab_lite.show.style import BLUE, GREY, INK, PALE, VERMILLION, heading, new_figure, quiet, spread
from clab_lite.study.paired import over_seeds


def draw_effects(effects: pd.DataFrame, setting: str, kind: str | tuple[str, ...] = "AP50") -> Figure:
    """Mean differences of one setting over all measures whose name begins with `kind`, or with one of several."""
    rows = effects[(effects["setting"] == setting) & effects["measure"].str.startswith(kind)]
    rows = rows.drop_duplicates("measure")
    figure, (axes,) = new_figure(8.5, 1.5 + 0.3 * max(len(rows), 2))
    _dots(axes, rows, rows["measure"].tolist())
    axes.set_xlabel("with the branch minus baseline, mean over seeds with 95 % interval", fontsize=9, color=GREY)
    known = rows.dropna(subset=["low"])
    away = int(((known["low"] > 0) | (known["high"] < 0)).sum())
    if not len(known):
        heading(axes, "No intervals: too few seeds")
    else:
        heading(axes, f"{away} of {len(known)} intervals leave out zero ({setting})")
    return figure


def draw_seeds(pairs: pd.DataFrame, setting: str, measure: str) -> Figure:
    """Each seed as a line from the baseline to the run with the branch, and the mean difference beside it."""
    rows = pairs[(pairs["setting"] == setting) & (pairs["measure"] == measure)].sort_values("seed")
    figure, (left, right) = new_figure(9.5, 3.6, 1, 2, width_ratios=(5, 4))
    height = float(np.ptp(rows[["baseline", "value"]].to_numpy())) if len(rows) else 0.0
    texts = spread(rows["value"].tolist(), 0.07 * max(height, 1e-6))
    for (_, row), place in zip(rows.iterrows(), texts, strict=True):
        colour = BLUE if row["value"] >= row["baseline"] else VERMILLION
        left.plot([0, 1], [row["baseline"], row["value"]], "o-", color=colour, linewidth=1.4, markersize=5)
        left.text(1.04, place, f"seed {row['seed']}", va="center", fontsize=9, color=GREY)
    left.set_xticks([0, 1], ["baseline", "with the branch"], fontsize=9)
    left.set_xlim(-0.15, 1.35)
    quiet(left)
    better = int((rows["value"] > rows["baseline"]).sum())
    heading(left, f"{measure}: higher in {better} of {len(rows)} seeds")
    _mean(right, (rows["value"] - rows["baseline"]).to_numpy())
    return figure


def draw_search(effects: pd.DataFrame, measure: str = "AP50 all") -> Figure:
    """All settings that were tried, also those that did not help, by their difference in one measure: a panel for each
    set of videos that settings were judged on.
    """
    rows = effects[effects["measure"] == measure].sort_values("difference", ascending=False)
    parts = list(rows.groupby("videos", sort=False))
    heights = [2.6 + len(part) for _, part in parts] or [3.0]
    grid = {"height_ratios": heights, "sharex": True}
    figure, panels = new_figure(9.5, 0.8 + 0.31 * sum(heights), len(heights), 1, **grid)
    for axes, (videos, part) in zip(panels, parts, strict=False):
        _dots(axes, part, [f"{row.setting}  ({row.seeds})" for row in part.itertuples()])
        _heading_of_figure(axes, f"Judged on {videos}:\n{tally(part)}")
    text = f"{measure}: with the branch minus baseline; in brackets: pairs of runs"
    panels[-1].set_xlabel(text, fontsize=9, color=GREY)
    return figure


def tally(effects: pd.DataFrame) -> str:
    """How many settings have an interval above zero, around it, and below it."""
    known = effects.dropna(subset=["low"])
    above, below = int((known["low"] > 0).sum()), int((known["high"] < 0).sum())
    alone = len(effects) - len(known)
    text = f"{above} above zero, {len(known) - above - below} undecided, {below} below"
    return f"{text}, {alone} with too few seeds" if alone else text


def explore_effects(study: Any) -> tuple[Callable[..., tuple[Figure, str]], list[str], list[str]]:
    """For `lessons.explore`: draw(setting=..., measure=...), and the settings and measures to choose from."""
    pairs, effects = paired_runs(study), table_of_effects(study)

    def draw(setting: str, measure: str) -> tuple[Figure, str]:
        rows = effects[(effects["setting"] == setting) & (effects["measure"] == measure)]
        words = "; ".join(in_words(row) for row in rows.itertuples())
        return draw_seeds(pairs, setting, measure), words or "not measured for this setting"

    return draw, settings_of(effects), pairs["measure"].drop_duplicates().tolist()


def _mean(axes: Axes, differences: np.ndarray) -> None:
    """The differences of the seeds as dots, their mean with its interval."""
    axes.axhline(0, color=GREY, linewidth=1.0)
    axes.set_xticks([])
    axes.set_ylabel("difference", fontsize=9, color=GREY)
    quiet(axes)
    if not len(differences):
        heading(axes, "no pairs")
        return
    found = over_seeds(differences)
    axes.scatter(np.zeros(len(differences)), differences, s=26, color=GREY, alpha=0.7)
    axes.scatter([0.25], [found.mean], s=52, color=INK, zorder=3)
    axes.set_xlim(-0.3, 0.6)
    if not found.enough:
        heading(axes, f"mean {found.mean:+.3f}: too few seeds to tell ({len(found.values)})")
        return
    axes.plot([0.25, 0.25], [found.low, found.high], color=INK, linewidth=2)
    heading(axes, f"mean {found.mean:+.3f}, zero {'outside' if found.certain else 'inside'}")


def _heading_of_figure(axes: Axes, text: str) -> None:
    """A title over the axes that begins at the left edge of the figure: the names of settings beside it are long."""
    title = axes.annotate(text, (0, 1), (4, 8), ("figure fraction", "axes fraction"), "offset points")
    title.set(color=INK, fontsize=11, fontweight="bold", va="bottom", ha="left")


def _dots(axes: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    axes.axvline(0, color=GREY, linewidth=1.0, zorder=1)
    for place, row in enumerate(rows.itertuples()):
        away = row.low > 0 or row.high < 0
        colour = VERMILLION if away else BLUE
        if not np.isnan(row.low):
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=5, alpha=0.3, solid_capstyle="butt")
        axes.scatter([row.difference], [place], s=34, color=colour, zorder=3)
        axes.axhline(place, color=PALE, linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    quiet(axes, grid=False)
    axes.tick_params(axis="y", colors=INK)
