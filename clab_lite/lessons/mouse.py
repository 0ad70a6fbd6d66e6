"""The mouse on a picture of a figure, in the data coordinates of the axes under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from ipyevents import Event
from matplotlib.figure import Figure

from clab_lite.lessons.later import Later

_MOVES_MS = 60
"""The page sends at most one movement in this time."""

OnPoint = Callable[[int, float, float], None]
"""on_point(axes_number, x, y): the position of the axes in `figure.axes`, and data coordinates in them."""


class Pointer:
    """Sends clicks on `picture` (and movements, if asked for) to `on_point`; clicks beside the axes are left out."""

    def __init__(
        self,
        picture: widgets.Image,
        figure: Figure | Callable[[], Figure | None],
        on_point: OnPoint,
        moves: bool,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._figure = (lambda: figure) if isinstance(figure, Figure) else figure
        self._on_point = on_point
        self._last: tuple[int, float, float] | None = None
        self._later = Later(self._send, seconds=0.02, say=say)
        watched = ["click", "mousemove"] if moves else ["click"]
        self.events = Event(source=picture, watched_events=watched)
        if moves:
            self.events.throttle_or_debounce, self.events.wait = "throttle", _MOVES_MS
        self.events.on_dom_event(self._handle)

    def point(self, across: float, down: float) -> None:
        """As the mouse would at this place of the picture; both from 0 (left, top) to 1."""
        figure = self._figure()
        self._last = None if figure is None else locate(figure, across, down)
        self._later.now()

    def _handle(self, event: dict[str, Any]) -> None:
        width, height = event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        figure = self._figure()
        if not width or not height or figure is None:
            return
        self._last = locate(figure, event["relativeX"] / width, event["relativeY"] / height)
        self._later.ask()

    def _send(self) -> None:
        if self._last is not None:
            self._on_point(*self._last)


def locate(figure: Figure, across: float, down: float) -> tuple[int, float, float] | None:
    """Which axes of a drawn figure, and where in them; None beside all axes.

    Args:
        figure: that has been drawn: before that its axes have no final place.
        across, down: place in the picture, from 0 (left, top) to 1.
    """
    place = figure.transFigure.transform((across, 1 - down))
    for number, axes in enumerate(figure.axes):
        if axes.bbox.contains(*place):
            x, y = axes.transData.inverted().transform(place)
            return number, float(x), float(y)
    return None


def pointer(
    picture: widgets.Image,
    figure: Figure | Callable[[], Figure | None],
    on_point: OnPoint,
    moves: bool = False,
    say: Callable[[str], None] | None = None,
) -> Pointer:
    """Tell `on_point` where the mouse is. Always give a way by keyboard beside it: a slider or a list.

    Args:
        picture: the Image widget that shows the whole figure, for example `explorer.picture`.
        figure: the figure, or a function that gives the one that is shown now: `lambda: explorer.figure`.
        on_point: called with (axes_number, x, y) in data coordinates; not called beside the axes.
        moves: also while the mouse moves over the picture, not only for clicks.
        say: shows a line when `on_point` raises: `explorer.tell`. None leaves the error to the log of the kernel.
    """
    return Pointer(picture, figure, on_point, moves, say)
