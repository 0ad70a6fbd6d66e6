"""The pictures behind the points: an object's crop and its frame, for a hover and for a selection."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clab_lite.data.vid import VideoIndex
from clab_lite.embeddings import EmbeddingTable
from clab_lite.errors import DataError
from clab_lite.show.style import ORANGE

TILE, BAR = 64, 4
"""Pixels of a crop in a sheet, and of the bar under it."""
_SHOWN = 192
"""Pixels in height of a picture beside the maps."""


class Album:
    """Pictures of the rows of an embedding table.

    Args:
        index: the videos that were embedded, in the same order.
        table: the rows: objects, or whole frames.

    Raises:
        DataError: the table has more videos than the index.
    """

    def __init__(self, index: VideoIndex, table: EmbeddingTable) -> None:
        self._index, self._rows = index, table.table
        if len(self._rows) and int(self._rows["video"].max()) >= len(index):
            raise DataError(
                f"the table has videos beyond the {len(index)} of the index. Pass the index it was made of."
            )
        self.picture = lru_cache(maxsize=512)(self._picture)
        """row -> PNG: crop and frame side by side, the object boxed; a whole frame alone."""
        self._crop = lru_cache(maxsize=2048)(self._cut)

    def caption(self, row: int) -> str:
        """One line of text about a row."""
        what = self._rows.iloc[row]
        named = what["class_name"].replace("_", " ") or "no object"
        track = f", track {what['track']}" if what["track"] >= 0 else ""
        troubles = what["troubles"].replace("_", " ") or "clean"
        return f"{named}: video {what['video']}, frame {what['frame']}{track}; {troubles}"

    def sheet(self, rows: Sequence[int], columns: int = 12, lines: int = 2) -> tuple[NDArray[np.uint8], list[int]]:
        """Crops of some rows in a grid: (H, W, 3) pixels, and the rows that are in it, line by line.

        Of more rows than there are places, some are taken at equal steps (by video, track and frame).
        """
        chosen = self.ordered(rows)
        places = columns * lines
        if len(chosen) > places:
            chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, places).round().astype(int)]
        lines = max(1, -(-len(chosen) // columns))
        sheet = np.full((lines * (TILE + BAR), columns * (TILE + BAR), 3), 255, np.uint8)
        for place, row in enumerate(chosen):
            y, x = (place // columns) * (TILE + BAR), (place % columns) * (TILE + BAR)
            sheet[y : y + TILE, x : x + TILE] = self._crop(row)
        return sheet, chosen

    def ordered(self, rows: Sequence[int]) -> list[int]:
        """Rows by video, track and frame."""
        keys = self._rows.iloc[list(rows)][["video", "track", "frame"]]
        order = np.lexsort((keys["frame"], keys["track"], keys["video"]))
        return [int(rows[i]) for i in order]

    def _box(self, row: int) -> tuple[float, float, float, float] | None:
        """(x1, y1, x2, y2) of the object inside its frame; None for a whole frame."""
        what = self._rows.iloc[row]
        video, frame = int(what["video"]), int(what["frame"])
        if what["track"] < 0:
            return None
        annotation = self._index.annotation(video, frame)
        box = annotation.boxes[int(np.flatnonzero(annotation.track_ids == what["track"])[0])]
        width, height = self._index.frame_size(video, frame)
        x1, x2 = np.clip(box[[0, 2]], 0, width)
        y1, y2 = np.clip(box[[1, 3]], 0, height)
        return float(x1), float(y1), float(x2), float(y2)

    def _frame(self, row: int) -> Image.Image:
        what = self._rows.iloc[row]
        pixels = self._index.load_image(int(what["video"]), int(what["frame"]))
        return Image.fromarray(pixels.permute(1, 2, 0).numpy())

    def _cut(self, row: int) -> NDArray[np.uint8]:
        """The object with a little around it, (TILE, TILE, 3); a whole frame made narrower."""
        frame, box = self._frame(row), self._box(row)
        if box is not None:
            half = max(box[2] - box[0], box[3] - box[1]) * 0.6
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            frame = frame.crop((round(x - half), round(y - half), round(x + half) + 1, round(y + half) + 1))
        return np.asarray(frame.convert("RGB").resize((TILE, TILE), Image.Resampling.BILINEAR))

    def _picture(self, row: int) -> bytes:
        frame, box = self._frame(row), self._box(row)
        scale = _SHOWN / frame.height
        shown = frame.resize((round(frame.width * scale), _SHOWN), Image.Resampling.BILINEAR)
        if box is not None:
            ImageDraw.Draw(shown).rectangle([side * scale for side in box], outline=ORANGE, width=2)
            both = Image.new("RGB", (_SHOWN + 8 + shown.width, _SHOWN), "white")
            crop = Image.fromarray(self._crop(row))
            both.paste(crop.resize((_SHOWN, _SHOWN), Image.Resampling.BILINEAR), (0, 0))
            both.paste(shown, (_SHOWN + 8, 0))
            shown = both
        buffer = io.BytesIO()
        shown.save(buffer, "PNG")
        return buffer.getvalue()
