"""A selection as one picture: crops with a bar of their group's colour."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from clab_lite.lessons.maps.album import BAR, TILE, Album


def selection_png(album: Album, rows: Sequence[int], colours: Sequence[str]) -> bytes:
    """PNG of the crops of `rows` (of many, some at equal steps). colours: of every row of the table."""
    pixels, shown = album.sheet(rows, columns=12, lines=3)
    pixels = pixels.copy()
    columns = pixels.shape[1] // (TILE + BAR)
    for place, row in enumerate(shown):
        y, x = (place // columns) * (TILE + BAR) + TILE, (place % columns) * (TILE + BAR)
        pixels[y : y + BAR - 1, x : x + TILE] = np.round(np.asarray(to_rgb(colours[row])) * 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
