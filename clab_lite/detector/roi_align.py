"""RoIAlign of single frames: torchvision's operator, and one matrix product that trains faster on a CPU."""

from __future__ import annotations

import torch
import torchvision.ops
from torch import Tensor

_SMALL_MAP = 256
"""Largest H*W for which the dense product beats the operator on a CPU (the operator's backward is slow there)."""


def roi_align(features: Tensor, rois: Tensor, output_size: int, stride: int, sampling_ratio: int) -> Tensor:
    """Pool regions from feature maps.

    Args:
        features: (N, C, H, W).
        rois: (R, 5): index into N, then x1, y1, x2, y2 in pixels of the padded frame. Half-pixel aligned.
        output_size: cells per side, P.
        stride: pixels per feature cell.
        sampling_ratio: sampling points per cell and side.

    Returns:
        (R, C, P, P). Source: Mask R-CNN (arXiv 1703.06870) section 3; golden `roi_align_key`.
    """
    if (
        features.device.type == "cpu"
        and features.requires_grad
        and features.shape[-2] * features.shape[-1] <= _SMALL_MAP
    ):
        return roi_align_matmul(features, rois, output_size, stride, sampling_ratio)
    with torch.autocast(features.device.type, enabled=False):
        pooled = torchvision.ops.roi_align(
            features.float(), rois.float(), output_size, 1 / stride, sampling_ratio, aligned=True
        )
    return pooled.to(features.dtype)


def roi_align_matmul(features: Tensor, rois: Tensor, output_size: int, stride: int, sampling_ratio: int) -> Tensor:
    """Same contract as `roi_align`, by one dense product.

    Bilinear sampling and averaging are linear and separable: cell (i, j) of RoI r is the sum over the map of
    rows[r, i, y] * columns[r, j, x] * features[y, x]. Stacking the outer products gives a (R*P*P, H*W) matrix.
    """
    count, channels, height, width = features.shape
    start, size = _edges(rois, stride)
    rows = _axis_weights(start[:, 1], size[:, 1], height, output_size, sampling_ratio)
    columns = _axis_weights(start[:, 0], size[:, 0], width, output_size, sampling_ratio)
    weights = (rows[:, :, None, :, None] * columns[:, None, :, None, :]).flatten(3)  # (R, P, P, H*W)
    image = rois[:, 0].long()
    order = torch.argsort(image, stable=True)
    per_image = torch.bincount(image, minlength=count).tolist()
    maps = features.flatten(2).transpose(1, 2)  # (N, H*W, C)
    chunks = [
        chunk.flatten(0, 2).to(maps.dtype) @ maps[i]
        for i, chunk in enumerate(weights[order].split(per_image))
        if len(chunk)
    ]
    if not chunks:
        return features.new_zeros(0, channels, output_size, output_size) + 0 * features.sum()
    pooled = torch.cat(chunks).reshape(-1, output_size, output_size, channels)
    return pooled[torch.argsort(order)].permute(0, 3, 1, 2)


def _edges(rois: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    start = rois[:, 1:3].float() / stride - 0.5
    end = rois[:, 3:5].float() / stride - 0.5
    return start, end - start


def _axis_weights(start: Tensor, size: Tensor, length: int, output_size: int, sampling_ratio: int) -> Tensor:
    """Averaged bilinear weights along one axis -> (R, P, length). Points beyond [-1, length] weigh nothing."""
    steps = torch.arange(output_size * sampling_ratio, device=start.device) + 0.5
    points = start[:, None] + steps * (size[:, None] / (output_size * sampling_ratio))
    inside = (points >= -1) & (points <= length)
    position = points.clamp(0, length - 1)
    cells = torch.arange(length, device=start.device)
    weights = (1 - (position[..., None] - cells).abs()).clamp(min=0) * inside[..., None]
    return weights.reshape(len(start), output_size, sampling_ratio, length).mean(dim=2)
