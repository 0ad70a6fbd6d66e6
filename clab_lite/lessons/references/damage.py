"""Trouble on demand: blur, darkness and a cover over an object, each with a strength from 0 (none) to 1."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

KINDS = ("motion blur", "cover", "darkness")
_LONGEST_BLUR = 40
"""Pixels that the picture moves while the shutter is open, at strength 1."""
_DARKEST = 0.04
"""Share of the light that is left at strength 1."""
_COVER = (128, 120, 110)
"""Red, green, blue of the cover: a plain board."""


def damage(
    image: Tensor, box: NDArray[np.floating], blur: float = 0.0, cover: float = 0.0, dark: float = 0.0
) -> Tensor:
    """A worse picture of the same moment.

    Args:
        image: (3, H, W) uint8.
        box: (4,) of the object that is covered, in pixels.
        blur: 1 smears everything sideways over 40 pixels.
        cover: the share of the box that a board hides, from its left edge.
        dark: 1 leaves 4 % of the light.

    Returns:
        (3, H, W) uint8. The cover is drawn first: it moves and darkens with the scene.
    """
    worse = _covered(image.float(), box, cover)
    worse = _blurred(worse, 1 + round(blur * (_LONGEST_BLUR - 1)))
    return (worse * (1 - (1 - _DARKEST) * dark)).round().clamp(0, 255).to(torch.uint8)


def damage_of(kind: str, strength: float) -> dict[str, float]:
    """The argument of `damage` that belongs to one of KINDS."""
    return {dict(zip(KINDS, ("blur", "cover", "dark"), strict=True))[kind]: strength}


def _covered(image: Tensor, box: NDArray[np.floating], share: float) -> Tensor:
    x1, y1, x2, y2 = (float(value) for value in box)
    left, top, right, bottom = (max(round(value), 0) for value in (x1, y1, x1 + share * (x2 - x1), y2))
    if right <= left:
        return image
    image = image.clone()
    image[:, top:bottom, left:right] = image.new_tensor(_COVER)[:, None, None]
    return image


def _blurred(image: Tensor, length: int) -> Tensor:
    """The mean over `length` neighbouring pixels of a row; the edges repeat."""
    if length == 1:
        return image
    padded = functional.pad(image[None], (length // 2, length - 1 - length // 2, 0, 0), mode="replicate")
    return functional.avg_pool2d(padded, (1, length), stride=1)[0]
