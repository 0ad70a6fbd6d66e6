"""One look for all figures: a colour-blind-safe palette, quiet axes, no pyplot state."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text

INK, GREY, PALE = "#1f2933", "#6b7785", "#dfe4ea"
"""Text, secondary text, lines that only guide the eye."""
BLUE, ORANGE, GREEN, VERMILLION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, BROWN = "#cc79a7", "#56b4e9", "#7f5539"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BROWN, INK)
"""After Okabe and Ito (2008), told apart by colour-blind readers; its yellow, too pale on white, is a brown here."""
MARKERS = ("o", "^", "s", "D")
NOTEBOOK_DPI = 100
"""A figure 9.5 inches wide fills the page of JupyterLab."""


class PlainFigure(Figure):
    """A figure that draws every text as it is written: a `$` in a name from the data is no formula."""

    def draw(self, renderer: RendererBase) -> None:
        for text in _texts_of(self):
            text.set_parse_math(False)  # type: ignore[attr-defined]
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """What a notebook shows where a figure is a cell's last line."""
        return to_png(self, NOTEBOOK_DPI)


def _texts_of(artist: Artist) -> Iterator[Text]:
    """All texts under an artist, except those of axes without scales: to ask for their ticks would make them."""
    hidden = isinstance(artist, Axes) and not artist.axison
    for child in artist.get_children():
        if isinstance(child, Text):
            yield child
        if not (hidden and isinstance(child, Axis)):
            yield from _texts_of(child)


def class_style(position: int) -> tuple[str, str]:
    """(colour, marker) of the n-th group: eight colours, then the next marker; 32 groups stay distinct."""
    return PALETTE[position % len(PALETTE)], MARKERS[position // len(PALETTE) % len(MARKERS)]


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any) -> tuple[Figure, list[Axes]]:
    """A figure of `width` x `height` inches and its axes, row by row. No window, no pyplot registry."""
    figure = PlainFigure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    return figure, list(axes.flat)


def quiet(axes: Axes, *, grid: bool = True) -> None:
    """Leave only the lines that carry meaning."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=GREY, labelsize=9, length=3, color=PALE)
    if grid:
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)


def heading(axes: Axes, text: str) -> None:
    """A left-aligned title that says what there is to see."""
    axes.set_title(text, loc="left", fontsize=11, color=INK, fontweight="bold", pad=8)


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Move label positions apart until neighbours are at least `gap` apart, keeping their order and their middle."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    moved = [positions[i] for i in order]
    for _ in range(100):
        pairs = [(i, gap - (moved[i + 1] - moved[i])) for i in range(len(moved) - 1)]
        if all(missing <= 1e-9 for _, missing in pairs):
            break
        for i, missing in pairs:
            if missing > 0:
                moved[i] -= missing / 2
                moved[i + 1] += missing / 2
    answer = [0.0] * len(positions)
    for place, value in zip(order, moved, strict=True):
        answer[place] = value
    return answer


def to_png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a PNG file's content."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_data_uri(figure: Figure, dpi: int = 160) -> str:
    """The figure as a `data:` address for an <img>."""
    return "data:image/png;base64," + base64.b64encode(to_png(figure, dpi)).decode("ascii")
