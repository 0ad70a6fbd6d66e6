"""Paste an instance on a background: its size, its place, its exact box.

Images are (3, H, W); boxes are (x1, y1, x2, y2) pixels of the composite, exclusive end. Sizes are (height, width).
Published: size, place and the opaque rectangle are those of InsLoc (CVPR 2021), CoDo's open ancestor. Ours: a side may
be as long as the background, and a place may be refused because it hides a labelled object.
"""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from clab_lite.detector.boxes import box_iou
from clab_lite.errors import DataError

MIN_SIDE = 2
"""Pixels: a thinner instance is pasted this thick, so that its box can be jittered (ours)."""
TRIES = 10
"""Places that are drawn before one that hides an object is accepted (ours)."""
HIDES = 0.3
"""IoU with a labelled box from which a place hides that object (ours)."""


def fit_size(crop: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
    """The size of an instance, (height, width) `crop` pixels, scaled to fit two numbers, keeping its aspect.

    Its long side is at most the larger number, its short side at most the smaller; one of them fits exactly. Rounded
    half up, at least 1. Source: InsLoc; golden `codo.fit_size`.

    Raises:
        DataError: a number is not positive.
    """
    if min(*crop, *target) <= 0:
        raise DataError(f"an instance of {crop} pixels and a target of {target}: both need positive sides.")
    scale = min(max(target) / max(crop), min(target) / min(crop))
    height, width = (max(1, int(side * scale + 0.5)) for side in crop)
    return height, width


def paste(background: Tensor, instance: Tensor, x: int, y: int) -> tuple[Tensor, Tensor]:
    """Lay an opaque rectangle on a background.

    Args:
        background: (3, H, W); it is not changed.
        instance: (3, h, w), h <= H and w <= W.
        x, y: its top left corner in the background.

    Returns:
        The composite (3, H, W) and the exact box (4,), float32. Golden `codo.paste`.

    Raises:
        DataError: the instance does not fit there.
    """
    height, width = instance.shape[-2:]
    if not (0 <= x <= background.shape[-1] - width and 0 <= y <= background.shape[-2] - height):
        place = f"an instance of {width} x {height} pixels at ({x}, {y})"
        room = f"{background.shape[-1]} x {background.shape[-2]}"
        raise DataError(f"{place} does not fit into a background of {room}. Scale it with fit_size first.")
    image = background.clone()
    image[..., y : y + height, x : x + width] = instance
    return image, torch.tensor([x, y, x + width, y + height], dtype=torch.float32)


def paste_view(
    instance: Tensor, background: Tensor, sides: tuple[int, int], rng: random.Random, avoid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Scale an instance at random and paste it at a random place.

    Args:
        instance: (3, h, w) of any size.
        background: (3, S, S), of the same type.
        sides: the two numbers that bound the instance are drawn from [low, high), whole numbers of pixels; high - 1
            may not be larger than S.
        rng: of every draw: two numbers for the size, then two for each place.
        avoid: labelled boxes (G, 4) of the background. Places that hide one are drawn anew, at most 10 times in all.

    Returns:
        The composite (3, S, S) and the exact box (4,).

    Raises:
        DataError: an empty instance, or sides that do not fit into the background.
    """
    low, high = sides
    side = min(background.shape[-2:])
    if not 1 <= low < high <= side + 1:
        raise DataError(f"sides from {low} to {high - 1} pixels for a background of {side}. Use 1 to {side}.")
    height, width = instance.shape[-2:]
    if height == 0 or width == 0:
        raise DataError(f"the instance has {width} x {height} pixels. Leave out boxes without area.")
    target = rng.randrange(low, high), rng.randrange(low, high)
    height, width = (max(min(MIN_SIDE, side), length) for length in fit_size((height, width), target))
    scaled = resize(instance, (height, width))
    for _ in range(TRIES):
        x = rng.randint(0, background.shape[-1] - width)
        y = rng.randint(0, background.shape[-2] - height)
        box = torch.tensor([[x, y, x + width, y + height]], dtype=torch.float32)
        if avoid is None or len(avoid) == 0 or float(box_iou(box, avoid.float()).max()) <= HIDES:
            break
    return paste(background, scaled, x, y)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image (3, H, W) of 0..255 at another size, bilinear with antialiasing, of the same type."""
    if tuple(image.shape[-2:]) == size:
        return image
    scaled = F.interpolate(image[None].float(), size, mode="bilinear", align_corners=False, antialias=True)[0]
    return scaled if image.dtype.is_floating_point else scaled.round_().clamp_(0, 255).to(image.dtype)
