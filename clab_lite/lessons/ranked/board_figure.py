"""The picture of a ranking board: the lists, the cosines that they make, and the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from clab_lite.lessons.ranked.free import Climb
from clab_lite.show.style import GREEN, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

PLACES = ("rank 2", "rank 3", "the rest")
_COLOURS = (GREEN, ORANGE, GREY)
_NAME_WIDTH, _CELL = 1.0, 1.15
"""Of the column of row names and of the two rank columns, in units of the board's axes."""
_REST = _NAME_WIDTH + 2 * _CELL
"""Where the last column begins; it shows its classes in lines of `_REST_COLUMNS`."""
_REST_COLUMNS, _REST_CELL = 2, 1.0
_WIDTH = _REST + _REST_COLUMNS * _REST_CELL


def cell_of(lists: Mapping[str, Sequence[str]], x: float, y: float) -> tuple[str, int | None, str | None]:
    """(row's class, place 0 to 2 or None over the row names, class that is written there or None) at (x, y)."""
    names = list(lists)
    row = names[min(max(round(y), 0), len(names) - 1)]
    if x < _NAME_WIDTH:
        return row, None, None
    place = min(int((x - _NAME_WIDTH) / _CELL), 2)
    if place < 2:
        listed = lists[row]
        return row, place, listed[place] if place < len(listed) else None
    number = min(int((x - _REST) / _REST_CELL), _REST_COLUMNS - 1)
    rest = _rest(lists, row)
    lines = -(-len(rest) // _REST_COLUMNS)
    line = min(max(int((y - round(y) + 0.5) * lines), 0), max(lines - 1, 0))
    position = line * _REST_COLUMNS + number
    return row, 2, rest[position] if position < len(rest) else None


def draw_board(lists: Mapping[str, Sequence[str]], trained: Climb, plain: Climb, chosen: str) -> tuple[Figure, str]:
    """The board (left), the cosines (middle), the ladder of free vectors with three ranks and with one (right)."""
    figure, (board, table, ladder) = new_figure(10.4, 4.5, columns=3, width_ratios=(1.75, 1.1, 1.0))
    _draw_lists(board, lists, chosen)
    _draw_cosines(table, trained)
    _draw_ladder(ladder, trained, plain)
    steps, before = trained.ladder, plain.ladder
    rungs = ("own class", "rank 2", "rank 3", "rest")
    parts = [f"{name} {_number(step)}" for name, step in zip(rungs, steps, strict=True)]
    return figure, f"r=3: {' · '.join(parts)}   (r=1: rank 2 {_number(before[1])}, rank 3 {_number(before[2])})"


def finding(trained: Climb) -> str:
    """Whether the ladder falls, rung by rung."""
    steps = trained.ladder
    there = steps[~np.isnan(steps)]
    if len(there) < 4:
        return "A rung is empty"
    return "Falls rung by rung" if (np.diff(there) < 0).all() else "Does not fall"


def _rest(lists: Mapping[str, Sequence[str]], row: str) -> list[str]:
    return [name for name in lists if name != row and name not in lists[row]]


def _draw_lists(axes: Axes, lists: Mapping[str, Sequence[str]], chosen: str) -> None:
    names = list(lists)
    heading(axes, "The ranking: drag a name within its row")
    axes.set(xlim=(0, _WIDTH), ylim=(len(names) - 0.5, -1.05))
    axes.axis("off")
    for place, title in enumerate(PLACES):
        axes.text(_NAME_WIDTH + place * _CELL + 0.08, -0.75, title, color=_COLOURS[place], fontsize=9.5,
                  fontweight="bold", va="center")  # fmt: skip
    for number, row in enumerate(names):
        axes.axhline(number - 0.5, color=PALE, linewidth=0.8)
        weight = "bold" if row == chosen else "normal"
        axes.text(0.02, number, row, color=INK, fontsize=10, fontweight=weight, va="center")
        for place, word in enumerate(lists[row]):
            _chip(axes, _NAME_WIDTH + place * _CELL, number, _CELL, 0.62, word, _COLOURS[place])
        rest = _rest(lists, row)
        lines = -(-len(rest) // _REST_COLUMNS)
        for position, word in enumerate(rest):
            line, column = divmod(position, _REST_COLUMNS)
            y = number - 0.5 + (line + 0.5) / lines
            axes.text(_REST + column * _REST_CELL + 0.08, y, word, color=GREY, fontsize=8, va="center")


def _chip(axes: Axes, x: float, y: float, width: float, height: float, word: str, colour: str) -> None:
    shape = FancyBboxPatch((x + 0.05, y - height / 2), width - 0.12, height, boxstyle="round,pad=0,rounding_size=0.12",
                           facecolor=colour, edgecolor="none")  # fmt: skip
    axes.add_patch(shape)
    axes.text(x + width / 2 - 0.01, y, word, color="white", fontsize=9, fontweight="bold", ha="center", va="center")


def _draw_cosines(axes: Axes, trained: Climb) -> None:
    heading(axes, "Cosines of the vectors")
    axes.imshow(trained.cosines, cmap="RdBu_r", vmin=-1, vmax=1)
    count = len(trained.names)
    for row in range(count):
        for column in range(count):
            value = trained.cosines[row, column]
            axes.text(column, row, f"{value:.1f}".replace("-", "−"), fontsize=8, ha="center", va="center",
                      color="white" if abs(value) > 0.6 else INK)  # fmt: skip
    axes.set_xticks(range(count), trained.names, rotation=55, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), trained.names)
    axes.tick_params(labelsize=8.5, colors=INK, length=0)
    axes.spines[:].set_visible(False)


def _draw_ladder(axes: Axes, trained: Climb, plain: Climb) -> None:
    heading(axes, finding(trained))
    places = np.arange(4)
    axes.plot(places, plain.ladder, color=GREY, marker="o", markersize=4, linewidth=1.4)
    axes.plot(places, trained.ladder, color=VERMILLION, marker="o", markersize=6, linewidth=2.4)
    axes.axhline(0, color=PALE, linewidth=1, zorder=0)
    axes.text(0.02, 0.1, "r = 3: looks at the lists", color=VERMILLION, fontsize=9, transform=axes.transAxes)
    axes.text(0.02, 0.03, "r = 1: does not", color=GREY, fontsize=9, transform=axes.transAxes)
    axes.set_xticks(places, ("own", "rank 2", "rank 3", "rest"))
    axes.set(xlim=(-0.2, 3.3), ylim=(-1.3, 1.08))
    axes.set_ylabel("mean cosine", color=GREY, fontsize=9)
    quiet(axes)


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
