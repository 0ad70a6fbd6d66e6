"""Memories of keys: a ring of constant chunks (MoCo), and a first-in-first-out bank with labels (RINCE).

Both hold unit vectors as buffers, so that they are saved with the weights, move with `.to()`, and never get gradient.
Nothing is changed in place: what a loss has read stays as it was until its backward is done.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from clab_lite.errors import DataError


class RingQueue(nn.Module):
    """`size` unit vectors of `dim` numbers, per level if `levels` is given; a pointer says which are the oldest.

    `vectors`: (size, dim) or (levels, size, dim), random at the start.
    """

    vectors: Tensor
    pointer: Tensor

    def __init__(self, size: int, dim: int, levels: int | None = None) -> None:
        super().__init__()
        shape = (size, dim) if levels is None else (levels, size, dim)
        self.register_buffer("vectors", normalize(torch.randn(shape), dim=-1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Put keys (B, dim) or (levels, B, dim) over the oldest entries and move the one common pointer by B.

        Raises:
            DataError: B does not divide the size, or the keys have another shape.
        """
        size, count = self.vectors.shape[-2], keys.shape[-2]
        if keys.shape[:-2] != self.vectors.shape[:-2] or keys.shape[-1] != self.vectors.shape[-1]:
            raise DataError(f"queue of {tuple(self.vectors.shape)} got keys of {tuple(keys.shape)}. Only B may differ.")
        if count == 0 or size % count:
            raise DataError(
                f"queue of {size} entries got {count} keys. Its size must be a multiple of the keys per step: "
                f"try {max(size // max(count, 1), 1) * max(count, 1)}."
            )
        rows = (self.pointer + torch.arange(count, device=keys.device)) % size
        self.vectors = self.vectors.index_copy(-2, rows, normalize(keys.detach().to(self.vectors), dim=-1))
        self.pointer = (self.pointer + count) % size


class LabelledBank(nn.Module):
    """`size` unit vectors of `dim` numbers and their labels. New entries go in front, the oldest fall off the end.

    `vectors`: (size, dim), random at the start. `labels`: (size,) int64, -1 at the start: nobody's class.
    """

    vectors: Tensor
    labels: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", normalize(torch.randn(size, dim), dim=1))
        self.register_buffer("labels", torch.full((size,), -1, dtype=torch.int64))

    @torch.no_grad()
    def push(self, keys: Tensor, labels: Tensor) -> None:
        """Put keys (B, dim) with labels (B,) in front. Any B will do; of more than `size` the first `size` stay.

        Raises:
            DataError: keys and labels that do not belong together, or of another dim.
        """
        if keys.ndim != 2 or keys.shape[1] != self.vectors.shape[1] or labels.shape != keys.shape[:1]:
            raise DataError(
                f"bank of {tuple(self.vectors.shape)} got keys {tuple(keys.shape)} and labels {tuple(labels.shape)}. "
                f"Give (B, {self.vectors.shape[1]}) and (B,)."
            )
        size = len(self.vectors)
        new = normalize(keys.detach().to(self.vectors), dim=1)
        self.vectors = torch.cat([new, self.vectors])[:size]
        self.labels = torch.cat([labels.detach().to(self.labels), self.labels])[:size]
