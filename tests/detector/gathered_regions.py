"""Temporal RoI Align seen half way: what every cell of a region gathers from the reference maps, as the paper draws it.

The library never builds this tensor (see `clab_lite/detector/temporal_roi_align.py`); here its own cells and cosines
are put together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clab_lite.config import RoIConfig
from clab_lite.detector.map_tables import MapTables
from clab_lite.detector.most_similar import MapPair, most_similar_cells
from clab_lite.detector.roi_align import as_grid, roi_cells
from clab_lite.detector.sparse_rows import SparseRows
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign

STRIDE = 16


def temporal_module(channels: int, **roi: int) -> TemporalRoIAlign:
    """Of maps with that many channels, 16 pixels a cell; `roi` changes fields of RoIConfig."""
    return TemporalRoIAlign(channels, RoIConfig(**roi), STRIDE)


def gathered_regions(module: TemporalRoIAlign, boxes: Tensor, key: MapTables, references: list[MapTables]) -> Tensor:
    """Regions (R, 4) -> (T, R, C, P, P): of every reference map the most similar cells, weighed by softmax."""
    config = module.config
    index, weight = roi_cells(boxes, key.size, config.output_size, module.stride, config.sampling_ratio)
    cells = SparseRows.equal(index.flatten(0, 1), weight.flatten(0, 1)).nonzero()
    pooled, gathered = cells.of(key.cells), []
    for reference in references:
        found, cosine = most_similar_cells(cells, pooled, MapPair.of(key, reference), config.most_similar)
        mean = (reference.cells[found] * cosine.softmax(dim=1)[..., None]).sum(dim=1)
        gathered.append(as_grid(mean, config.output_size))
    return torch.stack(gathered)
