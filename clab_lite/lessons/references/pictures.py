"""Frames, boxes and bars: the pieces that the figures of this lesson share.

Places are fixed and all reference frames stand in one pair of axes. With a pair for each, laid out anew at every move
of a slider, a figure takes three times as long to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clab_lite.lessons.references.scene import Seen
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PlainFigure, quiet
from clab_lite.show.tags import add_tag

WIDTH = 9.5
"""Inches: a notebook's column, a projector's width."""
SMALL = 9
_PER_LINE = 5
_GAP = 6
"""Pixels of a frame between two tiles."""
_STRENGTH = 0.7
"""Of the colours of a tile: 1 would be the frame as it is."""
_LEVEL = 10
"""Grey values of a tile are multiples of this."""
_LABEL = 0.17
"""Height of the name above a tile, in heights of a frame."""
Box = Sequence[float] | NDArray[np.floating]


class Board:
    """A key frame and bars above, the reference frames in rows of five below.

    figure; key and bars: axes. tiles: axes in which tile i has its origin at `corner(i)`, in pixels of a frame.
    """

    def __init__(self, title: str, images: Sequence[Tensor], names: Sequence[str]) -> None:
        high, wide = images[0].shape[1:]
        rows = -(-len(images) // _PER_LINE)
        self._step = (wide + _GAP, high + _LABEL * high + _GAP)
        self._label = _LABEL * high
        across, down = _PER_LINE * self._step[0] - _GAP, rows * self._step[1]
        below = (WIDTH - 0.2) * down / across
        self.figure, height = fixed_figure(3.05 + below, title)
        self.key = place(self.figure, height, 0.1, 0.6, 2.05 * wide / high, 2.05)
        left = 0.1 + 2.05 * wide / high + 0.6
        self.bars = place(self.figure, height, left, 0.6, WIDTH - 0.1 - left, 1.75)
        self.tiles = place(self.figure, height, 0.1, 2.95, WIDTH - 0.2, below)
        canvas = np.full((int(down), across, 3), 255, np.uint8)
        for i, image in enumerate(images):
            left_edge, upper_edge = (int(value) for value in self.corner(i))
            canvas[upper_edge : upper_edge + high, left_edge : left_edge + wide] = _faded(image)
        self.tiles.imshow(canvas, extent=(0, across, int(down), 0), interpolation="nearest", aspect="auto")
        self.tiles.set(xlim=(0, across), ylim=(down, 0))
        self.tiles.set_axis_off()
        for i, name in enumerate(names):
            x, y = self.corner(i)
            self.tiles.text(x, y - 3, name, fontsize=SMALL, color=GREY, va="bottom")

    def corner(self, tile: int) -> tuple[float, float]:
        """(x, y) of the upper left pixel of a tile."""
        line, position = divmod(tile, _PER_LINE)
        return position * self._step[0], line * self._step[1] + self._label

    def outline(
        self, tile: int, boxes: NDArray[np.floating], opacity: NDArray[np.floating], colour: str = BLUE
    ) -> None:
        """Boxes (N, 4) on a tile, each as strong as its opacity (N,)."""
        x, y = self.corner(tile)
        x1, y1, x2, y2 = (boxes + np.array([x, y, x, y])).T
        paths = np.stack([np.stack([x1, x2, x2, x1, x1], 1), np.stack([y1, y1, y2, y2, y1], 1)], 2)
        colours = [to_rgba(colour, float(alpha)) for alpha in opacity]
        self.tiles.add_collection(LineCollection(list(paths), colors=colours, linewidths=1 + 2 * opacity))


def _faded(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) uint8 -> (H, W, 3): paler, so that boxes stand out; without grain and in few levels, so that the
    notebook that keeps the picture stays small.
    """
    smooth = functional.avg_pool2d(functional.pad(image.float()[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    pale = 255 - (255 - smooth.permute(1, 2, 0)) * _STRENGTH
    return np.asarray(((pale / _LEVEL).round() * _LEVEL).clamp(0, 255).to(torch.uint8).numpy())


def fixed_figure(height: float, title: str) -> tuple[Figure, float]:
    """A figure of the lesson's width without automatic layout, its finding above -> (figure, its height in inches)."""
    figure = PlainFigure(figsize=(WIDTH, height), facecolor="white")
    figure.text(0.1 / WIDTH, 1 - 0.1 / height, title, fontsize=11, color=INK, fontweight="bold", va="top")
    return figure, height


def place(figure: Figure, height: float, left: float, top: float, wide: float, high: float) -> Axes:
    """Axes at a place in inches from the upper left corner of a figure that is `height` inches high."""
    return figure.add_axes((left / WIDTH, 1 - (top + high) / height, wide / WIDTH, high / height))


def show_frame(axes: Axes, image: Tensor, title: str = "", colour: str = GREY) -> None:
    """A picture (3, H, W) in data coordinates of its own pixels, with a small title."""
    height, width = image.shape[1:]
    axes.imshow(image.permute(1, 2, 0).numpy(), extent=(0, width, height, 0), interpolation="bilinear")
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    axes.set_title(title, loc="left", y=1.0, fontsize=SMALL, color=colour, pad=3)


def draw_box(axes: Axes, box: Box, colour: str, *, text: str = "", dashed: bool = False, width: float = 2.0) -> None:
    """An outline, with a tag if there is text."""
    x1, y1, x2, y2 = (float(value) for value in box)
    style = (0, (4, 2)) if dashed else "solid"
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width, linestyle=style)
    )
    if text:
        add_tag(axes, (x1, y1, x2, y2), text, colour, points=SMALL)


def frame_bars(
    axes: Axes, seen: Seen, shares: Sequence[float], title: str, *, first: str = "", before: Sequence[float] = ()
) -> None:
    """One bar for the weight of every distinct frame, in time order, and a line where an even spread would be.

    Args:
        axes: to draw on.
        seen: says how often every frame counts.
        shares: a number per distinct frame; with `first` one more in front.
        title: what is added up.
        first: name of something in front of the frames that takes part, such as the region itself.
        before: the same numbers at another time, drawn as hollow dotted bars.
    """
    numbers = seen.distinct()
    counts = [seen.frames.count(number) for number in numbers]
    names = [f"{number}\nkey" if number == seen.key else str(number) for number in numbers]
    colours = [ORANGE if number == seen.key else BLUE for number in numbers]
    if first:
        counts, names, colours = [1, *counts], [first, *names], [GREEN, *colours]
    at = np.arange(len(names))
    axes.add_collection(PolyCollection(_bars(at, shares, 0.62), facecolors=colours), autolim=False)
    if len(before):
        dotted: dict[str, Any] = {
            "facecolors": "none",
            "edgecolors": INK,
            "linewidths": 1.1,
            "linestyles": [(0, (2, 1.5))],
        }
        axes.add_collection(PolyCollection(_bars(at, before, 0.86), **dotted), autolim=False)
    even = np.array(counts) / sum(counts)
    axes.hlines(even, at - 0.43, at + 0.43, color=INK, linewidth=1.4)
    quiet(axes)
    axes.set_xticks([])
    below: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "fontsize": SMALL, "color": GREY, "va": "top"}
    for i, (name, count) in enumerate(zip(names, counts, strict=True)):  # a tick takes four times as long as a text
        axes.text(i, -0.05, f"{name}\n×{count}" if count > 1 else name, ha="center", **below)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 4, 5, 10], min_n_ticks=3))
    axes.yaxis.set_major_formatter(PercentFormatter(1))  # as many digits as the steps need
    axes.set(xlim=(-0.95, len(at) - 0.05), ylim=(0, 1.12 * max([*shares, *even, *before])))
    axes.set_title(title, loc="left", y=1.0, fontsize=SMALL, color=GREY, pad=4)


def _bars(at: NDArray[np.int_], heights: Sequence[float], width: float) -> list[list[tuple[float, float]]]:
    """Their corners. One collection of them is drawn many times faster than a patch for each."""
    return [
        [(x - width / 2, 0.0), (x - width / 2, high), (x + width / 2, high), (x + width / 2, 0.0)]
        for x, high in zip(at.tolist(), heights, strict=True)
    ]
