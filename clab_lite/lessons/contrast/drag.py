"""Take hold of a point of a figure with the mouse and move it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from ipyevents import Event
from matplotlib.figure import Figure

from clab_lite.lessons.later import Later
from clab_lite.lessons.mouse import locate

_MOVES_MS = 60
"""The page sends at most one movement in this time."""

OnPlace = Callable[[float, float], None]
"""on_place(x, y), in data coordinates of the axes."""


class Drag:
    """Between pressing and letting go inside one axes: `grab` once, then `move` for every place."""

    def __init__(
        self,
        picture: widgets.Image,
        figure: Callable[[], Figure | None],
        axes: int,
        grab: OnPlace,
        move: OnPlace,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Watch `picture`, which shows the whole of what `figure()` gives.

        Args:
            picture: the widget under the mouse.
            figure: the figure that is shown now.
            axes: position in `figure.axes`; what happens beside it is left out.
            grab: told where the button goes down.
            move: told every place until it goes up, the first one too.
            say: shows a line when one of them raises. None leaves the error to the log of the kernel.
        """
        self._figure, self._axes, self._grab, self._move = figure, axes, grab, move
        self._held = False
        self._pressed: tuple[float, float] | None = None
        self._place: tuple[float, float] | None = None
        self._later = Later(self._send, seconds=0.02, say=say)
        # Without prevent_default_action a browser starts to drag the image itself.
        self.events = Event(
            source=picture, watched_events=["mousedown", "mousemove", "mouseup", "mouseleave"],
            prevent_default_action=True, throttle_or_debounce="throttle", wait=_MOVES_MS,
        )  # fmt: skip
        self.events.on_dom_event(self.handle)

    def handle(self, event: dict[str, Any]) -> None:
        """One event as ipyevents reports it: type, buttons, place in the picture and the picture's size."""
        kind = event.get("type")
        if kind in ("mouseup", "mouseleave") or (kind == "mousemove" and not event.get("buttons", 1)):
            self._held = False
            return
        figure, width, height = self._figure(), event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        if figure is None or not width or not height:
            return
        found = locate(figure, event["relativeX"] / width, event["relativeY"] / height)
        if found is None or found[0] != self._axes:
            return
        if kind == "mousedown":
            self._held = True
            self._pressed = found[1:]
        if self._held:
            self._place = found[1:]
            self._later.ask()

    def _send(self) -> None:
        if self._pressed is not None:
            pressed, self._pressed = self._pressed, None
            self._grab(*pressed)
        if self._place is not None:
            self._move(*self._place)
