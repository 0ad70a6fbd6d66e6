"""Many small weighted sums over the rows of a table: RoIAlign, gathered cells and their convolution are such sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class SparseRows:
    """The sparse matrix A (N, V), row by row; `of(table)` is A @ table.

    index (E,) int64 and weight (E,): the entries, those of a row one after another.
    start (N,) int64: where each row begins among them.
    """

    index: Tensor
    weight: Tensor
    start: Tensor

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def equal(cls, index: Tensor, weight: Tensor) -> SparseRows:
        """From (N, K) each: K entries in every row."""
        start = torch.arange(len(index), device=index.device) * index.shape[1]
        return cls(index.flatten(), weight.flatten(), start)

    def nonzero(self) -> SparseRows:
        """The same matrix without its entries of weight 0."""
        kept = self.weight != 0
        before = functional.pad(kept.cumsum(0), (1, 0))  # entries kept before each entry, and in all
        return SparseRows(self.index[kept], self.weight[kept], before[self.start])

    def rows(self, which: Tensor) -> SparseRows:
        """The rows of these numbers (M,)."""
        end = torch.cat([self.start[1:], self.start.new_tensor([len(self.index)])])
        count = (end - self.start)[which]
        start = count.cumsum(0) - count
        entries = (self.start[which] - start).repeat_interleave(count)
        entries = entries + torch.arange(len(entries), device=entries.device)
        return SparseRows(self.index[entries], self.weight[entries], start)

    def of(self, table: Tensor) -> Tensor:
        """The weighted sums of rows of a table (V, C) -> (N, C), in the table's precision."""
        weight = self.weight.to(table.dtype)
        return functional.embedding_bag(self.index, table, self.start, per_sample_weights=weight, mode="sum")

    def split(self, rows: int) -> Iterator[SparseRows]:
        """The same matrix, at most so many rows at a time."""
        if rows >= len(self):  # a GPU need not be asked where the rows begin
            yield self
            return
        edges = [*self.start[::rows].tolist(), len(self.index)]
        for i, (begin, end) in enumerate(pairwise(edges)):
            start = self.start[i * rows : (i + 1) * rows] - begin
            yield SparseRows(self.index[begin:end], self.weight[begin:end], start)
