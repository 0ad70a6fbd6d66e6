"""Box arithmetic: overlap, coding as deltas, clipping. Boxes are (x1, y1, x2, y2) float pixels, width = x2 - x1."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MAX_LOG_RATIO = abs(math.log(16 / 1000))
"""Largest |log| of a predicted width or height ratio (official: 16/1000); keeps exp() finite."""


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of (N, 4) and (M, 4) boxes -> (N, M). An empty box overlaps nothing."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    other_area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    top_left = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    union = area[:, None] + other_area[None, :] - overlap
    return overlap / union.clamp(min=1e-6)


def encode_boxes(boxes: Tensor, targets: Tensor, std: float = 1.0) -> Tensor:
    """Deltas (dx, dy, dw, dh) that carry `boxes` (R, 4) to `targets` (R, 4), divided by `std`.

    Faster R-CNN (arXiv 1506.01497) equation 2; checked by golden `rpn_bbox_targets` and `roi_bbox_targets`.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    target_size = targets[:, 2:] - targets[:, :2]
    shift = ((targets[:, 2:] + targets[:, :2]) - (boxes[:, 2:] + boxes[:, :2])) / 2 / size
    return torch.cat([shift, torch.log(target_size / size)], dim=1) / std


def decode_boxes(boxes: Tensor, deltas: Tensor, std: float, image_size: tuple[int, int]) -> Tensor:
    """Apply deltas (R, K*4) to boxes (R, 4) -> (R, K*4), clipped to the frame of (height, width) pixels.

    K is 1, or the number of classes for class-wise regression. Inverse of `encode_boxes` inside the frame.
    """
    deltas = deltas.unflatten(1, (deltas.shape[1] // 4, 4)) * std
    size = (boxes[:, 2:] - boxes[:, :2])[:, None]
    centre = (boxes[:, 2:] + boxes[:, :2])[:, None] / 2
    new_centre = centre + deltas[..., :2] * size
    new_size = size * deltas[..., 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    decoded = torch.cat([new_centre - new_size / 2, new_centre + new_size / 2], dim=-1)
    return clip_boxes(decoded, image_size).flatten(1)


def clip_boxes(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Clip (..., 4) boxes to [0, width] x [0, height] of a frame of (height, width) pixels."""
    height, width = image_size
    x = boxes[..., 0::2].clamp(0, width)
    y = boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)
