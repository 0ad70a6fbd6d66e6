"""The batches of a run, each a pure function of its step, prepared by as many processes as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from clab_lite.errors import DataError
from clab_lite.methods.shared.method import Source
from clab_lite.methods.shared.part import Part
from clab_lite.training.batches import ErrorsReturned, on_device
from clab_lite.training.interrupt import ignore_interrupts


def step_batches(source: Source, part: Part, first: int, end: int, workers: int, device: torch.device) -> Iterator[Any]:
    """This process's part of the batches of the steps first, ..., end - 1, on the device.

    Raises:
        DataError: a frame of a batch cannot be used.
    """
    loader = DataLoader(
        ErrorsReturned(_Steps(source, part)),
        sampler=range(first, end),
        batch_size=None,  # a step is a batch already
        collate_fn=_as_it_is,
        worker_init_fn=ignore_interrupts,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator().manual_seed(0),  # not from the training's random state
    )
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        yield on_device(batch, device)


class _Steps(Dataset[Any]):
    """`steps[k]` is the part of the batch of step k. (Asked for in words: a worker process is in no group.)"""

    def __init__(self, source: Source, part: Part) -> None:
        self.source, self.part = source, part

    def __getitem__(self, step: int) -> Any:
        return self.source.batch(step, self.part)


def _as_it_is(batch: Any) -> Any:
    """The loader would turn arrays inside into tensors."""
    return batch
