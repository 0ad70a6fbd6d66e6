"""The windows of the query view, and where they lie in the key view (specification, section 3).

Boxes are (x0, y0, x1, y1) pixels of a view of S x S. Crop rectangles are (left, top, right, bottom) pixels of the
source frame. N images, A windows. Golden kind `crosscl.windows`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.methods.crosscl.config import WindowConfig


def query_windows(image_size: int, config: WindowConfig) -> Tensor:
    """The grid of a view: (A, 4) float64, row by row; windows whose right or bottom edge is at S or beyond are dropped.

    Raises:
        DataError: none is left.
    """
    scale = image_size / config.base
    starts = torch.arange(config.grid, dtype=torch.float64) * config.stride
    # Compared at the base's size, where the numbers are whole: scaled, an edge at S may come out a rounding below it.
    starts = starts[starts + config.size < config.base] * scale
    if len(starts) == 0:
        raise DataError(
            f"no window of {config.size:g} pixels (for views of {config.base}) fits into a view of {image_size}. "
            "Choose a smaller size."
        )
    y, x = torch.meshgrid(starts, starts, indexing="ij")
    corner = torch.stack([x, y], dim=-1).reshape(-1, 2)
    return torch.cat([corner, corner + config.size * scale], dim=1)


def map_windows(windows: Tensor, query_crops: Tensor, key_crops: Tensor, image_size: int) -> tuple[Tensor, Tensor]:
    """Where the query windows lie in the key views.

    A flip is drawn once and applied to the source frame before both crops, so no coordinate is ever mirrored here.

    Args:
        windows: (A, 4), the same for all images.
        query_crops: (N, 4).
        key_crops: (N, 4).
        image_size: S, of both views.

    Returns:
        Boxes (N, A, 4) in the key view, and valid (N, A) bool: the whole window lies inside the key view. Windows that
        are not valid get the placeholder (0, 0, 1, 1), as in the official code.
    """
    windows = windows.to(query_crops)
    query_corner, query_span = _origin_and_span(query_crops)
    key_corner, key_span = _origin_and_span(key_crops)
    # First multiplied, then divided: an edge that meets the key view's edge then does so exactly, not by a rounding.
    source = query_corner + windows * query_span / image_size
    boxes = (source - key_corner) * image_size / key_span
    valid = (boxes[..., :2] >= 0).all(dim=-1) & (boxes[..., 2:] < image_size).all(dim=-1)
    placeholder = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
    return torch.where(valid[..., None], boxes, placeholder), valid


def _origin_and_span(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Crops (N, 4) -> left, top, left, top (N, 1, 4), and width, height, width, height (N, 1, 4), source pixels."""
    corner = crops[:, None, :2]
    span = crops[:, None, 2:] - corner
    return torch.cat([corner, corner], dim=-1), torch.cat([span, span], dim=-1)
