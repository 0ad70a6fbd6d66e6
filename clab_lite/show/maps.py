"""Maps of embeddings, side by side: before and after training, or with and without the auxiliary branch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from clab_lite.show.style import GREY, INK, PALE, class_style, new_figure

MOST_GROUPS = 12
"""Groups with a colour of their own; the smaller ones are grey."""


def embedding_map(
    panels: Sequence[tuple[str, NDArray[np.float32], ArrayLike]],
    *,
    notes: Sequence[str] = (),
    legend: str = "",
    list_groups: bool = True,
) -> Figure:
    """Scatter plots with one colour and marker per group, the same in every panel.

    Args:
        panels: per panel (title, coordinates (N, 2), group of each row (N,)).
        notes: a line under each title, for example its scores.
        legend: heading of the legend: what a group is.
        list_groups: False only counts the coloured groups, where their names say nothing (videos).

    Axes have no units: only who lies near whom has a meaning, and only inside a panel.
    """
    names = [np.asarray(groups).astype(str) for _, _, groups in panels]
    every = np.concatenate([np.zeros(0, "<U1"), *names])
    found, counts = np.unique(every[every != ""], return_counts=True)
    shown = sorted(found[np.argsort(-counts, kind="stable")][:MOST_GROUPS].tolist())
    count = max(len(panels), 1)
    figure, axes = new_figure(9.5, min(9.5 / count, 5.0) * 0.95 + 1.0, 1, count)
    figure.set_layout_engine("constrained", wspace=0.04)
    notes = [*notes, *[""] * len(panels)]
    for panel, (title, points, _), groups, note in zip(axes, panels, names, notes, strict=False):
        panel.set_title(title, loc="left", fontsize=11, pad=20 if note else 6, color=INK, fontweight="bold")
        panel.text(0, 1.012, note, transform=panel.transAxes, fontsize=9, color=GREY, va="bottom")
        _scatter(panel, points, groups, shown)
    handles = [_handle(i, name) for i, name in enumerate(shown)]
    if len(found) > len(shown):
        handles.append(Line2D([], [], linestyle="", marker="o", color=PALE, label=f"{len(found) - len(shown)} more"))
    if not list_groups:
        figure.supxlabel(f"{len(shown)} of {len(found)} {legend}s in colour", fontsize=9, color=GREY)
    elif handles:
        columns = min(len(handles), max(1, 116 // (4 + max((len(name) for name in shown), default=0))))
        figure.legend(
            handles=handles,
            title=legend or None,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=9,
            title_fontsize=9,
            handletextpad=0.1,
            columnspacing=1.2,
        )
    return figure


def scores_note(silhouette: float, purity: float) -> str:
    """ "silhouette 0.31 · kNN purity 0.74", with "undefined" where there was nothing to compare."""
    texts = ["undefined" if math.isnan(value) else f"{value:.2f}" for value in (silhouette, purity)]
    return f"silhouette {texts[0]} · kNN purity {texts[1]}"


def _scatter(axes: Axes, points: NDArray[np.float32], groups: NDArray[np.str_], shown: Sequence[str]) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(PALE)
    size = float(np.clip(9000 / max(len(points), 1), 7, 40))
    rest = ~np.isin(groups, shown)
    axes.scatter(points[rest, 0], points[rest, 1], s=size * 0.6, color=PALE, linewidths=0)
    for i, name in enumerate(shown):
        colour, marker = class_style(i)
        rows = groups == name
        axes.scatter(
            points[rows, 0],
            points[rows, 1],
            s=size,
            color=colour,
            marker=marker,
            alpha=0.75,
            linewidths=0.3,
            edgecolors="white",
        )


def _handle(position: int, name: str) -> Line2D:
    colour, marker = class_style(position)
    return Line2D([], [], linestyle="", marker=marker, color=colour, label=_short(name), markersize=7)


def _short(name: str) -> str:
    """What tells a class or a video apart: "domestic cat", "val 00000003"."""
    return name.rsplit("/", 1)[-1].removeprefix("ILSVRC2015_").replace("_", " ")
