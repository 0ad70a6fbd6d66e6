"""Temporal RoI Align: a region gathers its most similar cells from every reference map (arXiv 2109.03495).

In the order of the paper: RoIAlign of the key map; for each reference map the mean of the most similar cells; a 3x3
convolution embeds both; a softmax over the frames of the embeddings' products weighs them; their weighted sum. Two
identities make the same numbers cheap:

* The convolution is linear. It would run over (T+1) * R * P*P gathered cells; each of those is a weighted sum of cells
  of a map, so its nine taps are applied to the *maps*, once per frame (`MapTables.taps`), and the embedding of a
  gathered cell is a weighted sum of at most 9 * K rows of that table.
* The weighted sum over frames of weighted sums of cells is one weighted sum of T * K cells. The gathered
  (T, R, C, P, P) tensor is never built.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from clab_lite.config import RoIConfig
from clab_lite.detector.map_tables import MapTables, unit_rows
from clab_lite.detector.most_similar import most_similar_cells
from clab_lite.detector.roi_align import as_grid, map_rows, roi_cells
from clab_lite.detector.sparse_rows import SparseRows


class TemporalRoIAlign(nn.Module):
    """Enrich the key frames' regions with their reference maps.

    Source: Temporal RoI Align sections 3.2 (most similar RoI Align) and 3.3 (temporal attention); goldens
    `most_similar`, `temporal_roi_align`, `small_temporal*`.
    """

    def __init__(self, channels: int, config: RoIConfig, stride: int) -> None:
        super().__init__()
        self.config = config
        self.stride = stride
        self.embed = nn.Conv2d(channels, channels, 3, padding=1) if config.attention_blocks else None

    def tables(self, features: Tensor) -> list[MapTables]:
        """Feature maps (N, C, H, W) -> the tables of each."""
        count, channels, height, width = features.shape
        cells = map_rows(features)
        units = unit_rows(cells)
        taps: list[Tensor | None] = [None] * count
        if self.embed is not None:
            weight = self.embed.weight.permute(1, 2, 3, 0).flatten(1)  # (C, 9*C)
            taps = list((cells @ weight).unflatten(1, (9, channels)).flatten(0, 1).chunk(count))
        parts = zip(cells.chunk(count), units.chunk(count), taps, strict=True)
        return [MapTables((height, width), *part) for part in parts]

    def forward(self, boxes: list[Tensor], keys: list[MapTables], references: list[list[MapTables]]) -> list[Tensor]:
        """Aggregate over time.

        Args:
            boxes: per key frame its regions (R, 4) in pixels of the padded frame; R may differ.
            keys: per key frame its own map.
            references: per key frame its T reference maps.

        Returns:
            Per key frame (R, C, P, P). Without attention blocks: the mean over the T + 1 frames.
        """
        return [self._aggregate(*key) for key in zip(boxes, keys, references, strict=True)]

    def _aggregate(self, boxes: Tensor, key: MapTables, references: list[MapTables]) -> Tensor:
        config = self.config
        index, weight = roi_cells(boxes, key.size, config.output_size, self.stride, config.sampling_ratio)
        cells = SparseRows.equal(index.flatten(0, 1), weight.flatten(0, 1)).nonzero()
        pooled = cells.of(key.cells)  # (R*P*P, C)
        found = [most_similar_cells(cells, pooled, key, r, config.most_similar) for r in references]
        similar = [(index, cosine.softmax(dim=1)) for index, cosine in found]
        if key.taps is None:
            attention = pooled.new_full((len(pooled), 1 + len(references), 1), 1 / (1 + len(references)))
        else:
            embedded = self._embed(convolved(index, weight).nonzero(), key.taps)
            attention = self._attention(embedded, similar, references)
        return as_grid(_weighted_sum(attention, pooled, similar, references), config.output_size)

    def _embed(self, rows: SparseRows, taps: Tensor) -> Tensor:
        embed = cast(nn.Conv2d, self.embed)
        return rows.of(taps) + cast(Tensor, embed.bias).to(taps.dtype)

    def _attention(self, embedded: Tensor, similar: list[tuple[Tensor, Tensor]], references: list[MapTables]) -> Tensor:
        """Softmax over the frames, the key first, per cell and channel group: (N, 1+T, blocks)."""
        blocks, cells = self.config.attention_blocks, self.config.output_size**2
        group = embedded.shape[1] // blocks

        def score(other: Tensor) -> Tensor:
            return (embedded * other).unflatten(1, (blocks, group)).sum(dim=2) / math.sqrt(group)

        scores = [score(embedded)]
        for (index, weight), reference in zip(similar, references, strict=True):
            rows = convolved(index.unflatten(0, (-1, cells)), weight.unflatten(0, (-1, cells)))
            scores.append(score(self._embed(rows, cast(Tensor, reference.taps))))
        return torch.stack(scores, dim=1).softmax(dim=1)


def convolved(index: Tensor, weight: Tensor) -> SparseRows:
    """Weighted sums of map cells on a grid -> their 3x3 convolution, as weighted sums of rows of `MapTables.taps`.

    Tap (dy, dx) of cell (i, j) reads cell (i + dy, j + dx) of the grid, if there is one.

    Args:
        index, weight: (R, P*P, K), the map cells and weights of every grid cell.
    """
    regions, cells, entries = index.shape
    neighbour, tap, start = (part.to(index.device) for part in _taps_of_grid(math.isqrt(cells)))
    first = torch.arange(regions, device=index.device)[:, None] * len(neighbour) + start
    rows = index.index_select(1, neighbour) * 9 + tap[:, None]
    return SparseRows(rows.flatten(), weight.index_select(1, neighbour).flatten(), first.flatten() * entries)


@lru_cache
def _taps_of_grid(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of a size x size grid, cell by cell: the neighbours read, the tap that reads each, and where a cell begins."""
    neighbour, tap, start = [], [], []
    for i in range(size):
        for j in range(size):
            start.append(len(tap))
            for number, (y, x) in enumerate((i + dy, j + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if 0 <= y < size and 0 <= x < size:
                    neighbour.append(y * size + x)
                    tap.append(number)
    return torch.tensor(neighbour), torch.tensor(tap), torch.tensor(start)


def _weighted_sum(
    attention: Tensor, pooled: Tensor, similar: list[tuple[Tensor, Tensor]], references: list[MapTables]
) -> Tensor:
    """Cells of T + 1 frames, (N, C) of the key and K of each map, weighed per channel group -> (N, C)."""
    count, _, blocks = attention.shape
    total = (pooled.unflatten(1, (blocks, -1)) * attention[:, 0, :, None]).flatten(1)
    if not references:
        return total
    sizes = torch.tensor([0, *(len(r.cells) for r in references)], device=pooled.device).cumsum(0)
    index = torch.stack([index + first for (index, _), first in zip(similar, sizes[:-1], strict=True)], dim=1)
    weight = torch.stack([weight for _, weight in similar], dim=1)  # (N, T, K)
    group = torch.arange(blocks, device=pooled.device)[:, None, None]
    rows = index[:, None] * blocks + group  # (N, blocks, T, K): every cell is cut into `blocks` rows
    weights = weight[:, None] * attention[:, 1:].transpose(1, 2).unsqueeze(3)
    table = torch.cat([r.cells for r in references]).unflatten(1, (blocks, -1)).flatten(0, 1)
    gathered = SparseRows.equal(rows.flatten(0, 1).flatten(1), weights.flatten(0, 1).flatten(1)).of(table)
    return total + gathered.unflatten(0, (count, blocks)).flatten(1)
