"""Backgrounds: a small pool of wide landscapes that all videos of a world share.

A video shows a moving window of one landscape of the pool. Because every landscape serves many videos of both
splits and every class, neither a video nor a class can be told by its background (with one background
per video, features cluster by background before any training).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.world.geometry import Colour, moved, scaled
from clab_lite.data.world.rasterise import compose, rasterise
from clab_lite.data.world.scenery import draw_scenery

POOL_SIZE = 12
# Landscape size in frame sizes: room for the camera to pan.
WIDE, TALL = 2.5, 1.5

# Upper sky, lower sky, far ground, near ground; muted, so that objects stand out by their colour.
_PALETTES: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
    ((150, 180, 205), (205, 216, 220), (150, 160, 118), (116, 130, 92)),  # meadow
    ((140, 172, 200), (196, 212, 216), (124, 156, 166), (88, 124, 140)),  # water
    ((196, 176, 160), (224, 208, 186), (206, 186, 148), (180, 158, 122)),  # sand
    ((160, 164, 172), (196, 198, 200), (138, 138, 140), (106, 108, 114)),  # asphalt
    ((168, 150, 172), (224, 186, 172), (140, 124, 126), (108, 98, 108)),  # dusk
    ((178, 192, 204), (222, 228, 232), (214, 220, 224), (188, 198, 206)),  # snow
)
_LEVEL = (1, 3)  # palettes whose ground is flat


@lru_cache(maxsize=32)
def landscape(seed: int, number: int, width: int, height: int) -> NDArray[np.float32]:
    """Landscape ``number`` (0 .. POOL_SIZE - 1) of a world for frames of ``width`` x ``height`` pixels.

    Returns:
        (TALL * height, WIDE * width, 3) float32, 0 to 255, read-only.
    """
    rng = np.random.default_rng([seed, 7, number])
    rows, columns = round(TALL * height), round(WIDE * width)
    unit = min(width / 192, height / 128)
    palette = np.array(_PALETTES[number % len(_PALETTES)], np.float32)
    horizon = float(rng.uniform(0.30, 0.62)) * rows
    level = number % len(_PALETTES) in _LEVEL
    ridges = [_ridge(rng, columns, horizon - lift * unit, 0 if level and lift == 0 else 9 * unit, 40 * unit)
              for lift in (14, 0)]  # fmt: skip
    canvas = _gradients(palette, rows, columns, ridges)
    stretch = (1.0, 3.0) if level else (1.0, 1.3)  # ripples and tracks lie flat
    cell = float(rng.uniform(9, 16)) * unit
    grain = _value_noise(rng, rows, columns, cell * stretch[0], cell * stretch[1])
    fine = _value_noise(rng, rows, columns, 3.2 * unit, 3.2 * stretch[1] * unit)
    below = np.clip((np.arange(rows) - horizon) / (6 * unit), 0, 1)[:, None].astype(np.float32)
    canvas += ((6 + 16 * below) * grain + 9 * below * fine)[..., None]
    _decorate(canvas, rng, horizon, unit)
    np.clip(canvas, 0, 255, out=canvas)
    canvas.setflags(write=False)
    return canvas


def window(scene: NDArray[np.float32], x: float, y: float, width: int, height: int) -> NDArray[np.float32]:
    """A fresh (height, width, 3) copy of the landscape whose corner lies at pixel (x, y), linearly interpolated."""
    left, top = int(np.floor(x)), int(np.floor(y))
    share_x, share_y = np.float32(x - left), np.float32(y - top)
    part = scene[top : top + height + 1, left : left + width + 1]
    rows = part[:-1] * (1 - share_y) + part[1:] * share_y
    return np.asarray(rows[:, :-1] * (1 - share_x) + rows[:, 1:] * share_x, np.float32)


def _gradients(
    palette: NDArray[np.float32], rows: int, columns: int, ridges: list[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """(rows, columns, 3): sky, a far pale range of hills, and the ground, each with its own slow gradient."""
    far, near = ridges
    line = np.arange(rows, dtype=np.float32)[:, None]
    sky = np.clip(line / max(float(far.mean()), 1), 0, 1)[..., None]
    ground = np.clip((line - near) / max(rows - float(near.mean()), 1), 0, 1)[..., None]
    canvas = np.repeat(palette[0] * (1 - sky) + palette[1] * sky, columns, axis=1)
    hill = np.clip(line - far, 0, 1)[..., None]
    canvas = canvas * (1 - hill) + (0.55 * palette[1] + 0.45 * palette[2]) * hill
    floor = np.clip(line - near, 0, 1)[..., None]
    return np.asarray(canvas * (1 - floor) + (palette[2] * (1 - ground) + palette[3] * ground) * floor, np.float32)


def _ridge(rng: np.random.Generator, columns: int, base: float, height: float, cell: float) -> NDArray[np.float32]:
    """(columns,) the row of a rolling skyline around ``base``."""
    rise = _value_noise(rng, 1, columns, 1, cell)[0] + np.float32(0.4) * _value_noise(rng, 1, columns, 1, cell / 3)[0]
    return np.asarray(base + height * rise, np.float32)


def _value_noise(rng: np.random.Generator, rows: int, columns: int, down: float, across: float) -> NDArray[np.float32]:
    """(rows, columns) smooth noise from -1 to 1 with knots every ``down`` x ``across`` pixels."""
    knots = rng.uniform(-1, 1, (int(rows / down) + 3, int(columns / across) + 3)).astype(np.float32)
    y, x = np.arange(rows) / down, np.arange(columns) / across
    i, j = y.astype(int), x.astype(int)
    fy, fx = _ease(y - i)[:, None], _ease(x - j)[None]
    top = knots[i][:, j] * (1 - fx) + knots[i][:, j + 1] * fx
    bottom = knots[i + 1][:, j] * (1 - fx) + knots[i + 1][:, j + 1] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, np.float32)


def _ease(share: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _decorate(canvas: NDArray[np.float32], rng: np.random.Generator, horizon: float, unit: float) -> None:
    """Put clouds above the horizon and rocks, bushes, poles and signs below it, far ones first."""
    rows, columns = canvas.shape[:2]
    places = sorted((float(rng.uniform(horizon, rows)), float(rng.uniform(0, columns))) for _ in range(9))
    items = [("cloud", float(rng.uniform(0, horizon * 0.8)), float(rng.uniform(0, columns))) for _ in range(5)]
    kinds = ("rock", "bush", "pole", "sign", "bush", "rock")
    items += [(kinds[int(rng.integers(len(kinds)))], y, x) for y, x in places]
    for kind, y, x in items:
        size = float(rng.uniform(18, 46)) * unit
        layer = rasterise(moved(scaled(draw_scenery(kind, rng), size), (x, y - 0.3 * size)))
        compose(canvas, layer, weight=0.8)
