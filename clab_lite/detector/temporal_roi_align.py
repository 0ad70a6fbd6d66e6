"""Temporal RoI Align: a region gathers its most similar cells from every reference map (arXiv 2109.03495).

In the order of the paper: RoIAlign of the key map, R regions of P x P cells; for each of T reference maps m_t the mean
g of the K most similar cells; a 3x3 convolution with weights W_d and bias b embeds both; a softmax over the frames of
the embeddings' products weighs them; their weighted sum. Two identities make the same numbers cheap:

* The convolution is linear, and a gathered cell is a weighted sum of map cells, g(c) = sum_k a_k(c) m[v_k(c)]. So
      embedding(c) = b + sum_d W_d g(c+d) = b + sum_d sum_k a_k(c+d) (W_d m[v_k(c+d)]),
  where d runs over the nine taps whose neighbour c+d lies in the P x P grid. The brackets are rows of a table that is
  made of each *map*, once per frame (`MapTables.taps`): a sum of 9 * K rows instead of 9 * C * C products.
* The weighted sum over frames is one weighted sum of T * K cells:
      sum_t w_t sum_k a_tk m_t[v_tk] = sum_(t,k) (w_t a_tk) m_t[v_tk].
  The gathered (T, R, C, P, P) tensor is never built.

Of the key frame itself, K is the number of map cells that RoIAlign averages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from clab_lite.config import RoIConfig
from clab_lite.detector.map_tables import MapTables, unit_rows
from clab_lite.detector.most_similar import MapPair, most_similar_cells
from clab_lite.detector.roi_align import as_grid, map_rows, roi_cells
from clab_lite.detector.sparse_rows import SparseRows

_CELLS_AT_ONCE = 2**12
"""Cells of regions that a CPU works on at once: what is made of them stays in its cache."""
_KEPT = 2**22
"""Numbers of what was looked up for a key frame that training keeps for its backward pass (16 MB)."""


@dataclass(frozen=True)
class _Gathered:
    """Cells of R regions as weighted sums of K cells of a map: index and weight (R, P*P, K)."""

    index: Tensor
    weight: Tensor

    def split(self, regions: int) -> list[_Gathered]:
        """At most so many regions at a time."""
        parts = zip(self.index.split(regions), self.weight.split(regions), strict=True)
        return [_Gathered(*part) for part in parts]


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
        work = zip(boxes, keys, references, strict=True)
        return [self._remade(*key) if self._is_large(*key) else self._aggregate(*key) for key in work]

    def _is_large(self, boxes: Tensor, key: MapTables, references: list[MapTables]) -> bool:
        """Whether a backward pass would need more than `_KEPT` numbers of what was looked up."""
        numbers = len(boxes) * self.config.output_size**2 * key.cells.shape[1] * (1 + len(references))
        return torch.is_grad_enabled() and numbers > _KEPT

    def _remade(self, boxes: Tensor, key: MapTables, references: list[MapTables]) -> Tensor:
        """`_aggregate`, once more in the backward pass: looking up again is cheap, keeping it all is not."""
        work = (boxes, key, references)
        return checkpoint(self._aggregate, *work, use_reentrant=False, preserve_rng_state=False)

    def _aggregate(self, boxes: Tensor, key: MapTables, references: list[MapTables]) -> Tensor:
        config = self.config
        own = _Gathered(*roi_cells(boxes, key.size, config.output_size, self.stride, config.sampling_ratio))
        cells = SparseRows.equal(own.index.flatten(0, 1), own.weight.flatten(0, 1)).nonzero()
        pooled = cells.of(key.cells)
        found = [self._look_up(cells, pooled, MapPair.of(key, reference)) for reference in references]
        table = torch.cat([reference.cells for reference in references]) if references else key.cells
        regions = max(1, (_CELLS_AT_ONCE if boxes.device.type == "cpu" else len(pooled)) // config.output_size**2)
        parts = zip(*(gathered.split(regions) for gathered in (own, *found)), strict=True)
        aggregated = []
        for some, (first, *others) in zip(pooled.split(regions * config.output_size**2), parts, strict=True):
            attention = self._attention(first, others, key, references)
            aggregated.append(_weighted_sum(some, others, attention, table))
        return as_grid(torch.cat(aggregated), config.output_size)

    def _look_up(self, cells: SparseRows, pooled: Tensor, pair: MapPair) -> _Gathered:
        """The most similar cells of a reference map, weighed by a softmax over their cosines."""
        index, cosine = most_similar_cells(cells, pooled, pair, self.config.most_similar)
        grid = (-1, self.config.output_size**2)
        return _Gathered(index.unflatten(0, grid), cosine.softmax(dim=1).unflatten(0, grid))

    def _attention(self, own: _Gathered, found: list[_Gathered], key: MapTables, references: list[MapTables]) -> Tensor:
        """How much each frame counts, the key first: (N, 1+T, blocks), sums to 1. Alike without blocks."""
        frames = 1 + len(found)
        if self.embed is None:
            return key.cells.new_full((own.index[..., 0].numel(), frames, 1), 1 / frames)
        embedded = self._embed(convolved(own.index, own.weight).nonzero(), key)
        scores = [self._score(embedded, embedded)]
        for frame, reference in zip(found, references, strict=True):
            scores.append(self._score(embedded, self._embed(convolved(frame.index, frame.weight), reference)))
        return torch.stack(scores, dim=1).softmax(dim=1)

    def _embed(self, rows: SparseRows, tables: MapTables) -> Tensor:
        """The embedding (N, C) of cells, whose convolution are these rows of taps."""
        taps = cast(Tensor, tables.taps)
        return rows.of(taps) + cast(Tensor, cast(nn.Conv2d, self.embed).bias).to(taps.dtype)

    def _score(self, embedded: Tensor, other: Tensor) -> Tensor:
        """How much a frame counts, before the softmax: per cell and channel group (N, blocks)."""
        products = (embedded * other).unflatten(1, (self.config.attention_blocks, -1))
        return products.sum(dim=2) / math.sqrt(products.shape[2])


def convolved(index: Tensor, weight: Tensor) -> SparseRows:
    """Weighted sums of map cells on a grid -> their 3x3 convolution, as weighted sums of rows of `MapTables.taps`.

    Tap (dy, dx) of cell (i, j) reads cell (i + dy, j + dx) of the grid, if there is one.

    Args:
        index, weight: (R, P*P, K), the map cells and weights of every grid cell.
    """
    regions, cells, entries = index.shape
    neighbour, tap, start = _taps_of_grid(math.isqrt(cells), index.device)
    first = torch.arange(regions, device=index.device)[:, None] * len(neighbour) + start
    rows = index.index_select(1, neighbour) * 9 + tap[:, None]
    return SparseRows(rows.flatten(), weight.index_select(1, neighbour).flatten(), first.flatten() * entries)


@lru_cache
def _taps_of_grid(size: int, device: torch.device) -> tuple[Tensor, ...]:
    """Of a size x size grid, cell by cell: the neighbours read, the tap that reads each, and where a cell begins."""
    neighbour: list[int] = []
    tap: list[int] = []
    start: list[int] = []
    for i in range(size):
        for j in range(size):
            start.append(len(tap))
            for number, (y, x) in enumerate((i + dy, j + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if 0 <= y < size and 0 <= x < size:
                    neighbour.append(y * size + x)
                    tap.append(number)
    return tuple(torch.tensor(part, device=device) for part in (neighbour, tap, start))


def _weighted_sum(pooled: Tensor, found: list[_Gathered], attention: Tensor, table: Tensor) -> Tensor:
    """The sum (N, C) over the frames of their cells, weighed by `attention` (N, 1+T, blocks).

    pooled: N cells of the key frame, (N, C). found: what they found in T reference maps. table: the cells of these
    maps, one map after another.
    """
    blocks = attention.shape[2]
    total = (pooled.unflatten(1, (blocks, -1)) * attention[:, 0, :, None]).flatten(1)
    if not found:
        return total
    first = torch.arange(0, len(table), len(table) // len(found), device=table.device)
    index = torch.stack([frame.index.flatten(0, 1) for frame in found], dim=1) + first[:, None]  # (N, T, K)
    weight = torch.stack([frame.weight.flatten(0, 1) for frame in found], dim=1)
    # Every row of the table is cut into `blocks` rows, one per channel group: (N, blocks, T, K).
    rows = index[:, None] * blocks + torch.arange(blocks, device=table.device)[:, None, None]
    weights = weight[:, None] * attention[:, 1:].transpose(1, 2).unsqueeze(3)
    gathered = SparseRows.equal(rows.flatten(0, 1).flatten(1), weights.flatten(0, 1).flatten(1))
    cut = table.unflatten(1, (blocks, -1)).flatten(0, 1)
    return total + gathered.of(cut).unflatten(0, (-1, blocks)).flatten(1)
