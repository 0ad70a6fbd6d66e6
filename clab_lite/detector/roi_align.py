"""RoIAlign of single frames, as weighted sums over the cells of the feature maps."""

from __future__ import annotations

import torch
from torch import Tensor

from clab_lite.detector.sparse_rows import SparseRows
from clab_lite.devices import precise_type


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
    height, width = features.shape[-2:]
    index, weight = roi_cells(rois[:, 1:], (height, width), output_size, stride, sampling_ratio)
    index = index + rois[:, 0].long()[:, None, None] * (height * width)
    cells = SparseRows.equal(index.flatten(0, 1), weight.flatten(0, 1)).nonzero()
    return as_grid(cells.of(map_rows(features)), output_size)


def roi_cells(
    boxes: Tensor, map_size: tuple[int, int], output_size: int, stride: int, sampling_ratio: int
) -> tuple[Tensor, Tensor]:
    """The map cells that RoIAlign averages, and their weights.

    Bilinear sampling and averaging are linear, and separable: cell (i, j) of a region is the sum over the map of
    rows[i, y] * columns[j, x] * features[y, x]. A sample touches two map cells per axis, so at most
    2 * sampling_ratio of the weights of an axis are not zero.

    Args:
        boxes: (R, 4) pixels of the padded frame.
        map_size: (H, W).
        output_size, stride, sampling_ratio: as in `roi_align`.

    Returns:
        index into H*W (y * W + x) and weight in float64, (R, P*P, K) each; unused entries weigh 0.
    """
    boxes = boxes.to(precise_type(boxes.device))
    start = boxes[:, :2] / stride - 0.5
    size = boxes[:, 2:] / stride - 0.5 - start
    height, width = map_size
    row_weight, row = _axis_cells(start[:, 1], size[:, 1], height, output_size, sampling_ratio)
    column_weight, column = _axis_cells(start[:, 0], size[:, 0], width, output_size, sampling_ratio)
    index = row[:, :, None, :, None] * width + column[:, None, :, None, :]  # (R, P, P, Ky, Kx)
    weight = row_weight[:, :, None, :, None] * column_weight[:, None, :, None, :]
    return index.flatten(3).flatten(1, 2), weight.flatten(3).flatten(1, 2)


def map_rows(features: Tensor) -> Tensor:
    """Feature maps (N, C, H, W) -> their cells, one per row (N*H*W, C); a view when they are channels-last."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)


def as_grid(cells: Tensor, output_size: int) -> Tensor:
    """Cells of regions (R*P*P, C) -> (R, C, P, P)."""
    return cells.unflatten(0, (-1, output_size, output_size)).permute(0, 3, 1, 2)


def _axis_cells(
    start: Tensor, size: Tensor, length: int, output_size: int, sampling_ratio: int
) -> tuple[Tensor, Tensor]:
    """Averaged bilinear weights along one axis and their cells, (R, P, K). Points beyond [-1, length] weigh nothing."""
    steps = torch.arange(output_size * sampling_ratio, device=start.device) + 0.5
    points = start[:, None] + steps * (size[:, None] / (output_size * sampling_ratio))
    inside = (points >= -1) & (points <= length)
    position = points.clamp(0, length - 1)
    cells = torch.arange(length, device=start.device)
    weights = (1 - (position[..., None] - cells).abs()).clamp(min=0) * inside[..., None]
    weights = weights.reshape(len(start), output_size, sampling_ratio, length).mean(dim=2)
    return weights.topk(min(2 * sampling_ratio, length), dim=2)
