"""Wrong boxes, as proposals are: the query reads its instance through one of these, and sees some background.

That boxes are jittered is published (CoDo, arXiv 2205.04617, abstract); its numbers are not. The formula is SoCo's
(NeurIPS 2021), published for another purpose; amplitude 0.2 instead of 0.1, always instead of every second time, and
the smallest IoU are ours.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor

from clab_lite.detector.boxes import box_iou, clip_boxes
from clab_lite.errors import DataError

TRIES = 10
"""Boxes that are drawn before the exact one is taken (ours)."""
MIN_SIDE = 2.0
"""Pixels (ours): a thinner box is drawn anew."""


def shift_boxes(boxes: Tensor, deltas: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Move the corner by (dx * w, dy * h), scale the sides by (1 + dw, 1 + dh), then clip.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 pixels.
        deltas: (N, 4) dx, dy, dw, dh, shares of the box's width and height.
        image_size: (height, width) of the image.

    Returns:
        (N, 4). Source: SoCo; golden `codo.jitter`.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    corner = boxes[:, :2] + deltas[:, :2] * size
    moved = torch.cat([corner, corner + size * (1 + deltas[:, 2:])], dim=1)
    return clip_boxes(moved, image_size)


def jitter_box(
    box: Tensor, amplitude: float, min_iou: float, image_size: tuple[int, int], rng: random.Random
) -> Tensor:
    """A wrong box (4,) for an exact one (4,): the first of at most 10 draws that is good enough, else the exact box.

    Args:
        box: x1, y1, x2, y2, pixels inside the image.
        amplitude: dx, dy, dw, dh are drawn evenly from [-amplitude, amplitude]; 0 gives the exact box.
        min_iou: smallest IoU with the exact box, 0 to 1. Good enough is also: 2 pixels on either side.
        image_size: (height, width).
        rng: of every draw, four numbers each.

    Raises:
        DataError: amplitude or min_iou out of range.
    """
    if not 0 <= amplitude < 1 or not 0 <= min_iou <= 1:
        raise DataError(
            f"jitter {amplitude} with a smallest IoU of {min_iou}. Use an amplitude in [0, 1), an IoU 0 to 1."
        )
    if amplitude == 0:
        return box.clone()
    for _ in range(TRIES):
        deltas = box.new_tensor([[rng.uniform(-amplitude, amplitude) for _ in range(4)]])
        drawn = shift_boxes(box[None], deltas, image_size)
        wide = bool((drawn[0, 2:] - drawn[0, :2] >= MIN_SIDE).all())
        if wide and float(box_iou(drawn, box[None])) >= min_iou:
            return drawn[0]
    return box.clone()
