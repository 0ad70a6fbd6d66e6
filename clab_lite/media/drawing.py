"""Boxes with class and score, drawn onto a frame."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

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
    pixels: Tensor, result: dict[str, Tensor], class_names: Sequence[str], draw_from: float, size: tuple[int, int]
) -> Image.Image:
    """The frame (3, H, W), resized to `size` (width, height), with its boxes."""
    picture = as_picture(pixels)
    if size != picture.size:
        factors = result["boxes"].new_tensor((size[0] / picture.width, size[1] / picture.height) * 2)
        result = {**result, "boxes": result["boxes"] * factors}
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    draw(picture, result, class_names, draw_from)
    return picture


def draw(picture: Image.Image, result: dict[str, Tensor], class_names: Sequence[str], draw_from: float) -> None:
    """Draw boxes with class and score onto the picture, the best last; line and letters grow with it.

    Args:
        picture: RGB.
        result: has `boxes` (D, 4) in pixels of the picture, `scores` (D,) best first, and `labels` (D,).
        class_names: label k is class_names[k]; empty shows the labels themselves.
        draw_from: boxes of lower scores are left out.
    """
    pen = ImageDraw.Draw(picture)
    side = min(picture.size)
    font, line = ImageFont.load_default(size=max(10, side // 28)), max(2, side // 180)
    best_last = reversed(list(zip(result["boxes"], result["scores"], result["labels"], strict=True)))
    for box, score, label in best_last:
        if score < draw_from:
            continue
        colour = _COLOURS[int(label) % len(_COLOURS)]
        x1, y1, x2, y2 = box.tolist()
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=line)
        text = f" {class_names[int(label)] if class_names else int(label)} {score:.2f} "
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = max(0.0, min(x1, picture.width - right))  # the whole name stays in the picture
        y = max(0.0, y1 - bottom)
        pen.rectangle((x + left, y + top, x + right, y + bottom), fill=colour)
        pen.text((x, y), text, fill="white" if colour in _DARK else "black", font=font)
