"""What Temporal RoI Align reads of one feature map: its cells, their directions, their convolution taps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-10


@dataclass(frozen=True)
class MapTables:
    """What Temporal RoI Align looks up in one feature map (C, H, W); it depends on no other frame.

    size: (H, W). cells: (H*W, C), the map. units: (H*W, C) float32, each cell divided by its length.
    taps: (H*W*9, C), every cell through every tap of the embedding convolution (row cell * 9 + tap); None without one.
    """

    size: tuple[int, int]
    cells: Tensor
    units: Tensor
    taps: Tensor | None


def unit_rows(vectors: Tensor) -> Tensor:
    """(N, C) of any precision -> float32 (N, C) of length 1 (double stays double); zero stays zero."""
    vectors = vectors if vectors.dtype == torch.float64 else vectors.float()
    return vectors / (vectors.norm(dim=1, keepdim=True) + EPSILON)
