"""Shapes to pixels: anti-aliased layers with premultiplied alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clab_lite.data.world.geometry import Shape

SUPERSAMPLING = 4  # drawn four times larger, then averaged: 16 levels of coverage per pixel
MASK_ALPHA = 0.4  # a pixel belongs to an object when the object covers at least this share of it
_OUTLINE = (28, 26, 34)


@dataclass(frozen=True)
class Layer:
    """A rectangle of premultiplied RGBA floats that may reach outside the frame.

    Attributes:
        left, top: frame pixel of the rectangle's first corner.
        rgba: (h, w, 4) float32, colour 0 to 255 times alpha, alpha 0 to 1.
    """

    left: int
    top: int
    rgba: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(h, w) the pixels that belong to the object."""
        return self.rgba[..., 3] >= MASK_ALPHA


def rasterise(shapes: Sequence[Shape], outline: float = 0.0) -> Layer:
    """Draw shapes given in frame pixels; ``outline`` pixels of dark rim run around the silhouette."""
    margin = outline + max((shape.width or 0) / 2 for shape in shapes) + 2
    low = np.floor(np.min([shape.points.min(0) for shape in shapes], axis=0) - margin).astype(int)
    high = np.ceil(np.max([shape.points.max(0) for shape in shapes], axis=0) + margin).astype(int)
    size = (high - low) * SUPERSAMPLING
    # The outline's colour fills the empty canvas so that averaged edges do not pick up black.
    image = Image.new("RGBA", (int(size[0]), int(size[1])), (*_OUTLINE, 0))
    pen = ImageDraw.Draw(image)
    if outline > 0:
        for shape in shapes:
            if shape.outlined:
                _draw(pen, shape, low, _OUTLINE, grow=outline)
    for shape in shapes:
        _draw(pen, shape, low, shape.colour, grow=0.0)
    # Colour and alpha are premultiplied by averaging the masked colour: alpha is 0 or 255 before the average.
    pixels = np.array(image.convert("RGBa").reduce(SUPERSAMPLING), np.float32)
    pixels[..., 3] /= 255
    return Layer(int(low[0]), int(low[1]), pixels)


def _draw(
    pen: ImageDraw.ImageDraw, shape: Shape, low: NDArray[np.int_], colour: tuple[int, int, int], grow: float
) -> None:
    points = (shape.points - low) * SUPERSAMPLING
    flat = points.ravel().tolist()
    fill = (*colour, 255)
    if shape.width is None:
        if grow == 0:
            pen.polygon(flat, fill=fill)
        else:
            pen.line(flat + flat[:4], fill=fill, width=max(round(2 * grow * SUPERSAMPLING), 1), joint="curve")
        return
    width = max(round((shape.width + 2 * grow) * SUPERSAMPLING), 1)
    pen.line(flat, fill=fill, width=width, joint="curve")
    half = width / 2
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - half, y - half, x + half, y + half), fill=fill)


def compose(canvas: NDArray[np.float32], layer: Layer, weight: float = 1.0) -> None:
    """Lay ``layer`` over ``canvas`` (H, W, 3) in place; ``weight`` scales its coverage."""
    window, part = overlap(layer, canvas.shape[0], canvas.shape[1])
    if part is None:
        return
    rgba = layer.rgba[part]
    canvas[window] *= 1 - weight * rgba[..., 3:]
    canvas[window] += weight * rgba[..., :3]


Window = tuple[slice, slice]


def overlap(layer: Layer, height: int, width: int) -> tuple[Window, Window | None]:
    """The part of the frame under the layer, and the same part inside the layer (None when they do not meet)."""
    rows, columns = layer.rgba.shape[:2]
    top, bottom = max(layer.top, 0), min(layer.top + rows, height)
    left, right = max(layer.left, 0), min(layer.left + columns, width)
    window = (slice(top, bottom), slice(left, right))
    if bottom <= top or right <= left:
        return window, None
    return window, (slice(top - layer.top, bottom - layer.top), slice(left - layer.left, right - layer.left))


def frame_mask(layer: Layer, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) the object's pixels inside the frame."""
    mask = np.zeros((height, width), bool)
    window, part = overlap(layer, height, width)
    if part is not None:
        mask[window] = layer.mask[part]
    return mask
