"""Frames to play, to stop and to scrub; without a kernel a strip of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from clab_lite.errors import DataError
from clab_lite.lessons.explorer import Explorer
from clab_lite.lessons.later import DRAWING, Later
from clab_lite.lessons.twin import as_png, bundle

Shown = Any
"""A Figure, a picture ((H, W, 3) or (3, H, W) uint8, PIL, PNG bytes), or (one of these, "one line of numbers")."""
_STRIP = 4
"""Frames in the static twin."""
_LEAST_WIDTH = 480
"""Smaller pictures are enlarged to this many pixels, so that boxes and blur can be seen."""


class Player:
    """Play, pause, a slider over the frames (arrow keys work), the picture and a line of numbers."""

    def __init__(
        self, frames: Sequence[Any] | int, draw: Callable[[int], Shown] | None = None, interval_ms: int = 150
    ) -> None:
        """A player at frame 0.

        Args:
            frames: pictures; or anything with a length, or just their number, where `draw` is given.
            draw: draw(position) -> what to show; each position is drawn once and kept.
            interval_ms: between two frames.

        Raises:
            DataError: there are no frames, or only their number and no `draw`.
        """
        self._count = frames if isinstance(frames, int) else len(frames)
        if self._count < 1:
            raise DataError("there is no frame to play. Pass at least one.")
        if isinstance(frames, int) and draw is None:
            raise DataError("a number of frames shows nothing. Pass the pictures, or draw=.")
        self._draw = draw or (lambda position: frames[position])  # type: ignore[index]
        self._kept: dict[int, tuple[bytes, str]] = {}
        last = self._count - 1
        self.slider = widgets.IntSlider(
            description="frame", min=0, max=last, value=0, layout=widgets.Layout(width="420px", max_width="100%")
        )
        self._play = widgets.Play(min=0, max=last, value=0, interval=interval_ms, repeat=True)
        self._link = widgets.jslink((self._play, "value"), (self.slider, "value"))
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        self._line = widgets.HTML()
        self._later = Later(self._refresh, seconds=0.02, say=lambda text: Explorer.say(self._line, text))
        self.slider.observe(lambda _: self._later.ask(), names="value")
        self._later.now()
        controls = widgets.Box([self._play, self.slider], layout=widgets.Layout(flex_flow="row wrap"))
        self.widget = widgets.VBox([controls, self.picture, self._line])

    @property
    def position(self) -> int:
        """The frame that is shown."""
        return int(self.slider.value)

    @property
    def numbers(self) -> str:
        """The line under the picture."""
        return self._at(self.position)[1]

    def set(self, position: int) -> Player:
        """Go to a frame, as a hand would, and show it at once."""
        self.slider.value = position
        self._later.now()
        return self

    def redraw(self) -> None:
        """Forget what was drawn, and draw the frame at hand: after something else has changed."""
        self._kept.clear()
        self._later.now()

    def _at(self, position: int) -> tuple[bytes, str]:
        with DRAWING:
            if position not in self._kept:
                shown = self._draw(position)
                picture, line = shown if isinstance(shown, tuple) else (shown, "")
                self._kept[position] = (_png(picture), line)
            return self._kept[position]

    def _refresh(self) -> None:
        png, line = self._at(self.position)
        self.picture.value = png
        Explorer.say(self._line, line)

    def strip(self) -> bytes:
        """PNG: frames evenly from the first to the last, two in a row; the static twin."""
        positions = sorted({round(p) for p in np.linspace(0, self._count - 1, min(_STRIP, self._count))})
        pictures = [Image.open(io.BytesIO(self._at(position)[0])).convert("RGB") for position in positions]
        width, height = pictures[0].size
        columns = min(2, len(pictures))
        sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
        for number, picture in enumerate(pictures):
            sheet.paste(picture.resize((width, height)), (number % columns * width, number // columns * height))
        sheet.thumbnail((960, 2000), Image.Resampling.LANCZOS)
        return _encode(sheet)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, f"a player of {self._count} frames", png=self.strip())


def _png(picture: Any) -> bytes:
    """PNG of anything that `Shown` names."""
    if isinstance(picture, Figure | bytes):
        return as_png(picture)
    if not isinstance(picture, Image.Image):
        pixels = np.asarray(picture)
        if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
            pixels = pixels.transpose(1, 2, 0)
        picture = Image.fromarray(np.ascontiguousarray(pixels))
    if picture.width < _LEAST_WIDTH:
        height = round(picture.height * _LEAST_WIDTH / picture.width)
        picture = picture.resize((_LEAST_WIDTH, height), Image.Resampling.BICUBIC)
    return _encode(picture)


def _encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
