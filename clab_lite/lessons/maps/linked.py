"""Two maps that act as one: what is pointed at or selected in one is shown in both, with its pictures."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from clab_lite.data.vid import VideoIndex
from clab_lite.embeddings import EmbeddingTable
from clab_lite.errors import DataError
from clab_lite.lessons import choice, slider
from clab_lite.lessons.later import Later
from clab_lite.lessons.maps.album import Album
from clab_lite.lessons.maps.colours import COLOURINGS, Colouring, colouring
from clab_lite.lessons.maps.drawing import MapPanel, draw_maps
from clab_lite.lessons.maps.scatters import scatter_of
from clab_lite.lessons.maps.sheets import selection_png
from clab_lite.lessons.twin import as_png, bundle
from clab_lite.show.style import GREY, INK

_NONE = "none"
_PICTURE = {"height": "192px", "object_fit": "contain", "object_position": "left"}


class LinkedMaps:
    """Two scatter plots (jupyter-scatter) over the same rows, with their pictures, and the static twin.

    With the mouse: point at a dot; drag around dots to select them; the wheel zooms; a button changes to moving.
    With the keyboard: the lists "colour" and "video", and the slider "point".
    """

    def __init__(
        self,
        index: VideoIndex,
        table: EmbeddingTable,
        panels: Sequence[MapPanel],
        finding: str = "",
        by: str = "class",
        example: int | None = None,
    ) -> None:
        if len(panels) != 2 or any(len(panel.points) != len(table) for panel in panels):
            raise DataError(f"linked maps are two maps of the same {len(table)} rows. Pass two panels of that many.")
        self.table, self.album = table, Album(index, table)
        self.finding, self._panels = finding, tuple(panels)
        videos = table.table["video"].to_numpy()
        self._example = [] if example is None else np.flatnonzero(videos == example).tolist()
        self.selection: list[int] = []
        """Selected rows, in both maps."""
        self.hovering: int | None = None
        """The row pointed at."""
        self.by = by
        self.scatters = tuple(scatter_of(table, panel.points, self.colours) for panel in panels)
        """The two `jscatter.Scatter`."""
        self.colour = choice("colour", COLOURINGS, self.by)
        self.video = choice("video", [_NONE, *sorted(set(map(int, table.table["video"])))], _NONE)
        self.point = slider("point", 0, max(len(table) - 1, 1), 0, 1)
        self.picture = widgets.Image(format="png", layout=_PICTURE)
        self.sheet = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        self.line, self.chosen, self.key = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._busy = False
        self._hover_later = Later(self._show_point, say=lambda text: _say(self.line, text))
        self._sheet_later = Later(self._show_selection, say=lambda text: _say(self.chosen, text))
        self._connect()
        self.widget = self._layout()
        self._show_key()
        self._show_point()
        self._show_selection()

    @property
    def colours(self) -> Colouring:
        """The groups and colours of the rows now."""
        return colouring(self.table, self.by)

    def select(self, rows: Sequence[int] | NDArray[Any]) -> LinkedMaps:
        """Select rows in both maps, as a lasso would.

        Raises:
            DataError: a row is outside the table.
        """
        chosen = sorted({int(row) for row in rows})
        if chosen and not 0 <= chosen[0] <= chosen[-1] < len(self.table):
            raise DataError(f"row {chosen[-1]} is outside the table. Rows are 0 to {len(self.table) - 1}.")
        self.selection = chosen
        for scatter in self.scatters:
            scatter.selection(chosen)
        self._sheet_later.ask()
        return self

    def select_video(self, video: int) -> LinkedMaps:
        """Select all rows of a video in both maps."""
        return self.select(np.flatnonzero(self.table.table["video"].to_numpy() == video))

    def hover(self, row: int | None) -> LinkedMaps:
        """Point at a row in both maps; None or a negative row: at nothing."""
        self.hovering = None if row is None or row < 0 else int(row)
        for scatter in self.scatters:
            scatter.widget.hovering = -1 if self.hovering is None else self.hovering
        if self.hovering is not None:
            self.point.value = self.hovering
        self._hover_later.ask()
        return self

    def recolour(self, by: str) -> LinkedMaps:
        """Colour both maps by "class", "video" or "trouble"."""
        colours = colouring(self.table, by)
        self.by = by
        for scatter in self.scatters:
            scatter.color(by=by, map=colours.palette)
        self._show_key()
        return self

    def figure(self) -> Any:
        """The static twin: both maps as they are now, with the pictures of the selection (at the start: an example)."""
        return draw_maps(
            self._panels,
            self.table,
            self.colours,
            finding=self.finding,
            selected=self.selection or self._example,
            album=self.album,
        )

    def _connect(self) -> None:
        for scatter in self.scatters:
            scatter.widget.observe(self._selected, names="selection")
            scatter.widget.observe(self._hovered, names="hovering")
        self.colour.observe(lambda change: self.recolour(change["new"]), names="value")
        self.video.observe(self._video_chosen, names="value")
        self.point.observe(lambda change: self._hovered(change), names="value")

    def _selected(self, change: dict[str, Any]) -> None:
        chosen = sorted({int(row) for row in ([] if change["new"] is None else change["new"])})
        if chosen != self.selection:  # else it is our own change that comes back
            self.select(chosen)
            with self._quietly():
                self.video.value = _NONE

    def _hovered(self, change: dict[str, Any]) -> None:
        row = change["new"]
        if (None if row is None or row < 0 else int(row)) != self.hovering:
            self.hover(row)

    def _video_chosen(self, change: dict[str, Any]) -> None:
        if not self._busy:
            self.select([]) if change["new"] == _NONE else self.select_video(int(change["new"]))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Changes of the list of videos that are made inside are our own: they start nothing."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def _layout(self) -> widgets.Widget:
        half = widgets.Layout(width="50%", min_width="300px")
        maps = []
        for panel, scatter in zip(self._panels, self.scatters, strict=True):
            head = f'<div style="font-size:15px;color:{INK}"><b>{html.escape(panel.name)}</b></div>'
            head += f'<div style="font-size:13px;color:{GREY}">{html.escape(panel.note)}</div>'
            maps.append(widgets.VBox([widgets.HTML(head), scatter.show()], layout=half))
        controls = [self.colour, self.video, self.point]
        row = widgets.Box(controls, layout=widgets.Layout(flex_flow="row wrap", grid_gap="4px 28px"))
        title = widgets.HTML(f'<div style="font-size:16px;color:{INK}"><b>{html.escape(self.finding)}</b></div>')
        both = widgets.HBox(maps, layout=widgets.Layout(grid_gap="12px"))
        seen = widgets.VBox([self.line, self.picture])
        return widgets.VBox([title, row, both, self.key, seen, self.chosen, self.sheet])

    def _show_key(self) -> None:
        colours = self.colours
        dots = [
            f'<span style="white-space:nowrap"><span style="color:{colour}">●</span> {html.escape(name)}</span>'
            for name, colour in colours.palette.items()
        ]
        text = " &nbsp; ".join(dots) if colours.distinct else f"{len(colours.palette)} {self.by}s; colours come again"
        self.key.value = f'<div style="font-size:13px;line-height:1.5">{text}</div>'

    def _show_point(self) -> None:
        row = self.hovering
        _say(self.line, "point at a dot, or move the slider" if row is None else self.album.caption(row))
        self.picture.layout.display = "none" if row is None else ""
        if row is not None:
            self.picture.value = self.album.picture(row)

    def _show_selection(self) -> None:
        _say(self.chosen, self.summary)
        self.sheet.layout.display = "" if self.selection else "none"
        if self.selection:
            self.sheet.value = selection_png(self.album, self.selection, self.colours.colours)

    @property
    def summary(self) -> str:
        """What is selected, in one line."""
        if not self.selection:
            return "nothing is selected: draw a lasso, or choose a video"
        groups = Counter(self.colours.names[self.selection].tolist()).most_common()
        parts = ", ".join(f"{count} {name}" for name, count in groups[:6]) + (", ..." if len(groups) > 6 else "")
        videos = self.table.table["video"].iloc[self.selection].nunique()
        return f"{len(self.selection)} selected in both maps, from {videos} videos: {parts}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, f"{self.finding}. {self.summary}", png=as_png(self.figure()))


def _say(line: widgets.HTML, text: str) -> None:
    line.value = f'<div role="status" style="font-size:14px;line-height:1.5">{html.escape(text)}</div>'
