"""Precise RoI pooling to one cell, in closed form (golden kind `crosscl.pool1x1`).

A feature map is a bilinear surface with value F[i, j] at x = j, y = i, zero outside. The mean of that surface over a
box separates into x and y, and each integral is known: no kernel is needed, only two small weight vectors per box.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torchvision.ops import roi_align

Pool = Literal["exact", "roi_align"]


def pool_regions(features: Tensor, boxes: Tensor, stride: float, pool: Pool = "exact") -> Tensor:
    """Features (N, C, H, W), boxes (N, A, 4) in pixels of the view -> (N, A, C), the mean of each box.

    Args:
        features: of one pyramid level.
        boxes: (x0, y0, x1, y1); A per image.
        stride: pixels per cell.
        pool: "exact", or "roi_align": torchvision's with adaptive sampling and aligned=False. That one is exact for
            boxes on whole cells; elsewhere it samples, and it clamps at the far border where the surface fades to zero.
    """
    # In float32 at least, also under autocast: bfloat16 would round a box's edges to half pixels.
    features = features if features.dtype == torch.float64 else features.float()
    with torch.autocast(features.device.type, enabled=False):
        if pool == "exact":
            return region_means(features, boxes, stride)
        rois = list(boxes.to(features).unbind(0))
        pooled = roi_align(features, rois, output_size=1, spatial_scale=1 / stride, sampling_ratio=-1)
    return pooled.view(*boxes.shape[:2], features.shape[1])


def region_means(features: Tensor, boxes: Tensor, stride: float) -> Tensor:
    """The exact mean; arguments as above. A box without area gives 0. Differentiable in features and boxes."""
    boxes = boxes.to(features) / stride  # to cells
    x0, y0, x1, y1 = boxes.unbind(-1)
    columns = _hat_integral(x0, x1, features.shape[-1])  # (N, A, W)
    rows = _hat_integral(y0, y1, features.shape[-2])  # (N, A, H)
    sums = torch.einsum("nchw,nah,naw->nac", features, rows, columns)
    area = (x1 - x0).clamp(min=0) * (y1 - y0).clamp(min=0)
    return torch.where(area[..., None] > 0, sums / area.where(area > 0, 1.0)[..., None], 0.0)


def _hat_integral(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """How much of each cell's hat function lies between low and high (...,) -> (..., cells)."""
    position = torch.arange(cells, dtype=low.dtype, device=low.device)
    return _hat_primitive(high[..., None] - position) - _hat_primitive(low[..., None] - position)


def _hat_primitive(t: Tensor) -> Tensor:
    """Integral of the hat max(0, 1 - |t|) from minus infinity: 0 below -1, 1 above 1, two parabolas between."""
    t = t.clamp(-1, 1)
    return torch.where(t < 0, (t + 1).square() / 2, 1 - (1 - t).square() / 2)
