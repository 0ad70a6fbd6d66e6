"""Boxes with class and score, drawn onto a frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clab_lite.media.free_place import Area, free_place

_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")  # Okabe and Ito, 2008
_DARK = ("#009E73", "#0072B2", "#D55E00")
_READABLE = 640
"""Pixels that the longer side of a drawn picture has at least."""


def as_picture(pixels: Tensor) -> Image.Image:
    """A frame (3, H, W) uint8 as a picture to draw on."""
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def annotated(pixels: Tensor, result: dict[str, Tensor], class_names: Sequence[str], draw_from: float) -> Image.Image:
    """The frame (3, H, W) with its boxes; a small one is enlarged by a whole number, so that names can be read."""
    larger = max(1, -(-_READABLE // max(pixels.shape[1:])))
    return annotated_at(pixels, result, class_names, draw_from, (pixels.shape[2] * larger, pixels.shape[1] * larger))


def annotated_at(
    pixels: Tensor,
    result: dict[str, Tensor],
    class_names: Sequence[str],
    draw_from: float,
    size: tuple[int, int],
    letters: int | None = None,
) -> Image.Image:
    """The frame (3, H, W), resized to `size` (width, height), with its boxes; letters as in `draw`."""
    height, width = pixels.shape[1:]
    if size != (width, height):
        factors = result["boxes"].new_tensor((size[0] / width, size[1] / height) * 2)
        result = {**result, "boxes": result["boxes"] * factors}
        pixels = _resized(pixels, size)
    picture = as_picture(pixels)
    draw(picture, result, class_names, draw_from, letters)
    return picture


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """A frame (3, H, W) at another size (width, height): Pillow's bicubic to one grey level, four times as fast."""
    batch = pixels.permute(1, 2, 0)[None].permute(0, 3, 1, 2)  # with strides that PyTorch's fast kernel recognises
    return F.interpolate(batch, size[::-1], mode="bicubic", antialias=True)[0]


def draw(
    picture: Image.Image,
    result: dict[str, Tensor],
    class_names: Sequence[str],
    draw_from: float,
    letters: int | None = None,
) -> None:
    """Draw boxes with class and score onto the picture, the best on top; no name covers another while there is room.

    Args:
        picture: RGB.
        result: has `boxes` (D, 4) in pixels of the picture, `scores` (D,) best first, and `labels` (D,).
        class_names: label k is class_names[k]; empty shows the labels themselves.
        draw_from: boxes of lower scores are left out.
        letters: their size in pixels. Default: it grows with the picture, as lines do.
    """
    pen = ImageDraw.Draw(picture)
    side = min(picture.size)
    font, line = ImageFont.load_default(size=letters or max(10, side // 28)), max(2, side // 180)
    frame, taken = (0.0, 0.0, float(picture.width), float(picture.height)), list[Area]()
    names: list[tuple[Area, str, str]] = []
    boxes: list[tuple[Area, str]] = []
    for corners, score, label in zip(result["boxes"], result["scores"], result["labels"], strict=True):
        if score < draw_from:
            continue
        x1, y1, x2, y2 = corners.tolist()
        colour = _COLOURS[int(label) % len(_COLOURS)]
        boxes.append(((x1, y1, max(x1, x2), max(y1, y2)), colour))
        text = f" {class_names[int(label)] if class_names else int(label)} {score:.2f} "
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        place = free_place(boxes[-1][0], (right - left, bottom - top), frame, taken)
        taken.append(place)
        names.append((place, text, colour))
    for box, colour in reversed(boxes):
        pen.rectangle(box, outline=colour, width=line)
    for place, text, colour in reversed(names):
        left, top, _, _ = pen.textbbox((0, 0), text, font=font)
        pen.rectangle(place, fill=colour)
        pen.text((place[0] - left, place[1] - top), text, fill="white" if colour in _DARK else "black", font=font)
