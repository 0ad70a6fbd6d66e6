"""The tags of boxes drawn on a frame: none covers another while there is room at its box."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.text import Text

from clab_lite.media.free_place import Area, free_place
from clab_lite.show.style import INK

POINTS = 9.0
_PAD = 1.5
"""Points of colour around the letters."""


class Tag(Text):
    """A name on a ground of its colour that finds its place at a box when the figure is drawn.

    Only then it is known how large the axes are. The tag added last chooses first: callers draw the best box last.
    """

    def __init__(self, axes: Axes, box: Area, text: str, colour: str, points: float) -> None:
        super().__init__(
            box[0], box[1], text, fontsize=points, color="white", va="bottom", ha="left",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": _PAD},
        )  # fmt: skip
        self._within, self._box = axes, box
        self.set_in_layout(False)  # it stays inside the frame: it needs no room beside it
        axes.add_artist(self)
        self.set_clip_on(False)

    def draw(self, renderer: RendererBase) -> None:
        axes = self._within
        if self.get_visible():
            tags = [text for text in axes.texts if isinstance(text, Tag) and text.get_visible()]
            if tags[0] is self:
                _settle(axes, tags, renderer)
        super().draw(renderer)

    def area(self, renderer: RendererBase | None = None) -> Area:
        """Its ground, in pixels of the figure: (left, lower, right, upper)."""
        around = self.get_window_extent(renderer)
        pad = _pixels(_PAD, self._within)
        return around.x0 - pad, around.y0 - pad, around.x1 + pad, around.y1 + pad


def add_tag(axes: Axes, box: Area, text: str, colour: str = INK, *, points: float = POINTS) -> Tag:
    """Name a box (x1, y1, x2, y2), in data coordinates of axes that show a frame: x to the right, y downwards."""
    return Tag(axes, box, text, colour, points)


def _settle(axes: Axes, tags: list[Tag], renderer: RendererBase) -> None:
    """Give every tag of the axes its place, the last one first."""
    taken: list[Area] = []
    left, lower, right, upper = axes.bbox.extents
    frame = (float(left), -float(upper), float(right), -float(lower))  # an `Area`: y grows downwards
    pad = _pixels(_PAD, axes)
    for tag in reversed(tags):
        x1, y1, x2, y2 = tag._box
        corners = axes.transData.transform([(x1, y1), (x2, y2)])
        box = (corners[0, 0], -corners[0, 1], corners[1, 0], -corners[1, 1])
        left, lower, right, upper = tag.area(renderer)
        place = free_place(box, (right - left, upper - lower), frame, taken)
        taken.append(place)
        x, y = axes.transData.inverted().transform((place[0] + pad, -place[3] + pad))
        tag.set_position((float(x), float(y)))


def _pixels(points: float, axes: Axes) -> float:
    return points * axes.figure.dpi / 72
