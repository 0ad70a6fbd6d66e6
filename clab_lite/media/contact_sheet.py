"""A whole video on one picture: of each part of it the frame with the surest detection."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clab_lite.media.drawing import annotated_at
from clab_lite.media.source import Frame

_TILES, _COLUMNS = 12, 4
_TILE = (480, 480)
"""Width and height that a tile fits into, in pixels."""
_GAP, _CAPTION = 12, 38
_LETTERS = 26
"""Pixels. Where four tiles in a row fill a page 950 pixels wide, these are 12: 9 points at 100 dots per inch."""
_PAPER, _INK = "white", "#1f2933"


class ContactSheet:
    """Collects at most 12 tiles while a video passes by; a part without detections shows its first frame."""

    def __init__(self, frame_count: int, class_names: Sequence[str], draw_from: float) -> None:
        """
        Args:
            frame_count: expected frames of the video.
            class_names: label k is class_names[k].
            draw_from: score from which a box is drawn.
        """
        self._parts = min(_TILES, max(frame_count, 1))
        self._frames, self._class_names, self._draw_from = max(frame_count, 1), class_names, draw_from
        self._tiles: dict[int, tuple[float, Image.Image, str]] = {}

    def add(self, frame: Frame, result: dict[str, Tensor]) -> None:
        """Look at a frame; keep it when it is the best of its part so far."""
        part = min(frame.number * self._parts // self._frames, self._parts - 1)
        score = float(result["scores"][0]) if len(result["scores"]) else 0.0
        if part in self._tiles and score <= max(self._tiles[part][0], self._draw_from):
            return
        height, width = frame.pixels.shape[1:]
        factor = min(_TILE[0] / width, _TILE[1] / height)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        tile = annotated_at(frame.pixels, result, self._class_names, self._draw_from, size, _LETTERS)
        self._tiles[part] = (score, tile, f"{clock(frame.seconds)}   frame {frame.number}")

    def picture(self) -> Image.Image:
        """The tiles in rows, each with its time and frame number above it."""
        tiles = [tile for _, tile in sorted(self._tiles.items())]
        width, height = tiles[0][1].size
        columns = min(_COLUMNS, len(tiles))
        rows = -(-len(tiles) // columns)
        step_x, step_y = width + _GAP, height + _CAPTION + _GAP
        sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), _PAPER)
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=_LETTERS)
        for position, (_, tile, caption) in enumerate(tiles):
            x, y = _GAP + position % columns * step_x, _GAP + position // columns * step_y
            pen.text((x, y), caption, fill=_INK, font=font)
            sheet.paste(tile, (x, y + _CAPTION))
        return sheet


def clock(seconds: float) -> str:
    """Minutes and seconds with a tenth, hours when there are any: "0:03.2", "1:02:03.0"."""
    tenths = int(seconds * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
