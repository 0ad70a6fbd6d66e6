"""Neighbour purity while more and more of the own video is left out, beside a control that knows no classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable, Level
from clab_lite.lessons.maps.tables import Moments, shuffled, whole_video
from clab_lite.show.style import BLUE, GREEN, GREY, INK, PALE, PURPLE, VERMILLION, heading, new_figure, quiet

_COLOURS = (GREY, BLUE, VERMILLION, GREEN, PURPLE)


@dataclass(frozen=True)
class PurityCurves:
    """Neighbour purity by class for each gap: how many frames before and after a row are left out."""

    gaps: NDArray[np.int64]
    """0 (only the own frame is left out) to the whole video."""
    real: dict[str, NDArray[np.float64]]
    """name -> purity per gap."""
    control: NDArray[np.float64]
    """(repeats, gaps) of the last table with its class names dealt out anew among tracks (frames: videos)."""
    level: str


def purity_curves(moments: Moments, level: Level = "object", repeats: int = 10) -> PurityCurves:
    """Measure the curves of all moments at one level; the control is made of the last moment, `repeats` times."""
    tables = {name: found[level] for name, found in moments.items()}
    *_, last = tables.values()
    gaps = np.arange(whole_video(last) + 1)
    real = {name: _curve(table, gaps) for name, table in tables.items()}
    control = [_curve(shuffled(last, seed), gaps) for seed in range(repeats)]
    return PurityCurves(gaps, real, np.stack(control), last.level)


def _curve(table: EmbeddingTable, gaps: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([table.scores("class_name", gap=int(gap)).knn_purity for gap in gaps])


def draw_purity(curves: PurityCurves, gap: int) -> tuple[Figure, str]:
    """The curves with a mark at `gap`, who may be a neighbour then, and the numbers there."""
    figure, (who, axes) = new_figure(9.5, 4.6, 2, 1, height_ratios=[0.5, 4])
    _who_may_answer(who, int(curves.gaps[-1]) + 1, gap)
    low, high = np.nanmin(curves.control, axis=0), np.nanmax(curves.control, axis=0)
    axes.fill_between(
        curves.gaps,
        low,
        high,
        color=PALE,
        label=f"{list(curves.real)[-1]}, names dealt out anew {len(curves.control)} times",
    )
    for colour, (name, values) in zip(_COLOURS, curves.real.items(), strict=False):
        axes.plot(curves.gaps, values, color=colour, marker="o", markersize=4, label=name)
    axes.axvline(gap, color=INK, linewidth=1, linestyle=":")
    axes.set_xlabel("frames left out before and after, `gap`", fontsize=10)
    axes.set_ylabel("kNN purity by class", fontsize=10)
    axes.set_ylim(0, 1.02)
    axes.legend(fontsize=9, frameon=False, loc="lower left")
    quiet(axes)
    position = int(np.flatnonzero(curves.gaps == gap)[0])
    control = float(np.nanmean(curves.control[:, position]))
    heading(axes, finding(curves))
    parts = [f"{name} {values[position]:.2f}" for name, values in curves.real.items()]
    return figure, f"gap {gap}: " + " · ".join(parts) + f" · names dealt out anew {control:.2f}"


def finding(curves: PurityCurves) -> str:
    """What the curves say, in one line: how high the control starts, and what is left above it at the end."""
    name, values = list(curves.real.items())[-1]
    first = 1 if len(curves.gaps) > 1 else 0
    start, end = np.nanmean(curves.control[:, first]), np.nanmean(curves.control[:, -1])
    beyond = "stay above" if values[-1] > np.nanmax(curves.control[:, -1]) else "are not above"
    what = "Objects" if curves.level == "object" else "Frames"
    return (
        f"{what}, {name}: names without meaning reach {start:.2f} at gap {first}, true ones {values[first]:.2f};\n"
        f"without the own video {end:.2f}, and the true ones {beyond} that: {values[-1]:.2f}"
    )


def _who_may_answer(axes: Axes, frames: int, gap: int) -> None:
    """The frames of one video: the row itself, those left out, those that may be neighbours."""
    axes.set_xlim(-3.2, frames)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    axes.text(-0.2, 0.5, "own video, seen\nfrom its middle", ha="right", va="center", fontsize=9, color=GREY)
    own = frames // 2
    for frame in range(frames):
        out = abs(frame - own) <= gap
        colour = INK if frame == own else PALE if out else GREEN
        axes.add_patch(Rectangle((frame + 0.05, 0.1), 0.9, 0.8, color=colour))
        word = "row" if frame == own else "out" if out else "may"
        axes.text(
            frame + 0.5, 0.5, word, ha="center", va="center", fontsize=9, color=GREY if word == "out" else "white"
        )
