"""Points on a circle: the shared drawing of this lesson."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from clab_lite.show.style import GREY, INK, PALE, class_style


def bare_circle(axes: Axes, radii: Sequence[float] = (1.0,), reach: float = 1.45) -> None:
    """Thin circles around the origin on equal axes without ticks. reach: half the width of what is shown."""
    turn = np.linspace(0, 2 * np.pi, 181)
    for radius in radii:
        axes.plot(radius * np.cos(turn), radius * np.sin(turn), color=PALE, linewidth=1, zorder=0)
    axes.plot(0, 0, "+", color=GREY, markersize=6)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)


def draw_clips(axes: Axes, angles: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
    """One point per frame, with the number of its clip. Each clip has its own ring: points of one angle stay visible.

    angles: (N,) radians. labels: (N,) clip of each, 0, 1, ...
    """
    clips = int(labels.max()) + 1
    gap = min(0.12, 0.5 / clips)
    rings = [1 - gap * clip for clip in range(clips)]
    bare_circle(axes, rings, reach=1.14)
    for clip in range(clips):
        mine = angles[labels == clip]
        colour, marker = class_style(clip)
        x, y = rings[clip] * np.cos(mine), rings[clip] * np.sin(mine)
        for frame, (px, py) in enumerate(zip(x, y, strict=True)):
            axes.plot([0, px], [0, py], color=colour, linewidth=0.7, alpha=0.35, zorder=1)
            over = 3 + 0.1 * frame  # a number belongs to the disc under it, not to its neighbour
            axes.plot(px, py, marker, color=colour, markersize=15, markeredgecolor="white", zorder=over)
            axes.text(px, py, str(clip + 1), color="white", fontsize=9, fontweight="bold", ha="center",
                      va="center_baseline", zorder=over + 0.05)  # fmt: skip


def circle_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees between angles (radians), the shorter way round: 0 to 180."""
    turn = np.abs(first - second) % (2 * np.pi)
    return np.degrees(np.minimum(turn, 2 * np.pi - turn))


def caption(axes: Axes, lines: Sequence[str]) -> None:
    """Short lines under the picture, in the quiet colour."""
    axes.text(0, axes.get_ylim()[0], "\n".join(lines), ha="center", va="top", fontsize=9.5, color=INK, linespacing=1.4)
