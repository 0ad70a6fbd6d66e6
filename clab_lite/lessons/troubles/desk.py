"""Two boxes on a frame to drag with the mouse, or to move with sliders, and their overlap, live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ipyevents import Event
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.lessons.controls import choice, slider
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.mouse import locate
from clab_lite.lessons.troubles.gallery import picture
from clab_lite.lessons.troubles.overlap import Box, draw_overlap

_CORNERS = ("x1", "y1", "x2", "y2")
_REACH = 6.0
"""Pixels of the frame around a corner in which the mouse takes hold of it."""
_MOVES_MS = 50
"""The page sends at most one movement in this time."""


@dataclass
class _Grip:
    """What the mouse holds: a box, the sides that follow it (of x1, y1, x2, y2), and the place of the last movement."""

    box: str
    sides: tuple[str, ...]
    place: tuple[float, float]


class Desk:
    """A frame, a blue and an amber box, and their overlap."""

    def __init__(self, pixels: NDArray[np.uint8], blue: Box, amber: Box) -> None:
        """pixels: (H, W, 3). Boxes: x1, y1, x2, y2 in pixels, edges; both inside the frame."""
        self._pixels = pixels
        self._grip: _Grip | None = None
        self.boxes: dict[str, Box] = {"blue": blue, "amber": amber}
        """As drawn last."""
        height, width = pixels.shape[:2]
        names = {"x1": "left", "y1": "top", "x2": "right", "y2": "bottom"}
        sides = {
            side: slider(names[side], 0, width if side[0] == "x" else height, round(value), 1)
            for side, value in zip(_CORNERS, amber, strict=True)
        }
        self._chosen = choice("the sliders move", ["amber", "blue"], "amber")
        self._chosen.observe(lambda change: self._load(change["new"]), names="value")
        self.explorer: Explorer = explore(self._draw, box=self._chosen, **sides)
        self._events = Event(
            source=self.explorer.picture,
            watched_events=["mousedown", "mousemove", "mouseup", "mouseleave"],
            prevent_default_action=True,  # or the browser would drag the picture itself
        )
        self._events.throttle_or_debounce, self._events.wait = "throttle", _MOVES_MS
        self._events.on_dom_event(self._handle)

    def press(self, x: float, y: float) -> None:
        """Take hold of the nearest corner, or of the box under (x, y), in pixels of the frame."""
        candidates: list[tuple[float, str, tuple[str, ...]]] = [
            (float(np.hypot(self._side(box, a) - x, self._side(box, b) - y)), box, (a, b))
            for box in ("amber", "blue")
            for a in ("x1", "x2")
            for b in ("y1", "y2")
        ]
        distance, box, sides = min(candidates, key=lambda one: one[0])
        if distance > _REACH:
            inside = [name for name in ("amber", "blue") if self._holds(name, x, y)]
            if not inside:
                return
            box, sides = inside[0], _CORNERS
        self._grip = _Grip(box, sides, (x, y))
        self._chosen.value = box

    def drag(self, x: float, y: float) -> None:
        """Move what is held to (x, y); the box stays in the frame."""
        if self._grip is None:
            return
        if len(self._grip.sides) == 2:
            wanted = dict(zip(self._grip.sides, (x, y), strict=True))
        else:
            step = {"x": x - self._grip.place[0], "y": y - self._grip.place[1]}
            wanted = {side: self._side(self._grip.box, side) + step[side[0]] for side in _CORNERS}
            self._grip.place = (x, y)
        for side, value in wanted.items():
            control = self.explorer.controls[side]
            control.value = min(max(round(value), control.min), control.max)
        self._remember()

    def release(self) -> None:
        """Let go."""
        self._grip = None

    def set(self, **values: Any) -> Desk:
        """Move the controls: box ("amber" or "blue"), x1, y1, x2, y2; then draw."""
        self.explorer.set(**values)
        return self

    @property
    def numbers(self) -> str:
        """The line under the figure."""
        return self.explorer.numbers

    def _draw(self, box: str, **sides: int) -> tuple[Figure, str]:
        x1, y1, x2, y2 = (float(sides[side]) for side in _CORNERS)
        self.boxes[box] = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        return draw_overlap(self._pixels, self.boxes["blue"], self.boxes["amber"])

    def _remember(self) -> None:
        x1, y1, x2, y2 = (float(self.explorer.controls[side].value) for side in _CORNERS)
        self.boxes[str(self._chosen.value)] = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))

    def _load(self, box: str) -> None:
        """The sliders take over the sides of another box."""
        for side, value in zip(_CORNERS, self.boxes[box], strict=True):
            self.explorer.controls[side].value = round(value)

    def _side(self, box: str, side: str) -> float:
        if box == self._chosen.value:
            return float(self.explorer.controls[side].value)
        return self.boxes[box][_CORNERS.index(side)]

    def _holds(self, box: str, x: float, y: float) -> bool:
        x1, y1, x2, y2 = self.boxes[box]
        return x1 <= x <= x2 and y1 <= y <= y2

    def _handle(self, event: dict[str, Any]) -> None:
        width, height = event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        figure = self.explorer.figure
        if event.get("type") in ("mouseup", "mouseleave") or not event.get("buttons", 1):
            return self.release()
        if not width or not height or figure is None:
            return None
        place = locate(figure, event["relativeX"] / width, event["relativeY"] / height)
        if place is not None and place[0] == 0:
            (self.press if event["type"] == "mousedown" else self.drag)(*place[1:])
        return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.explorer._repr_mimebundle_(include, exclude)


def desk(index: VideoIndex, video: int, frame: int) -> Desk:
    """A desk for the first object of a frame: blue is its box, amber the same a quarter of its width further right."""
    x1, y1, x2, y2 = (round(float(value)) for value in index.annotation(video, frame).boxes[0])
    blue = (x1, y1, x2 + 1, y2 + 1)  # inclusive to edges
    step = round((blue[2] - blue[0]) / 4)
    return Desk(picture(index, video, frame), blue, (blue[0] + step, blue[1], blue[2] + step, blue[3]))
