"""The few collective operations the library needs. Every one is the identity in a single process.

The rule that makes N processes equal one process with the joined batch: DistributedDataParallel averages
gradients over ranks, so each loss divides its local sum by the *average* count over ranks
(`average_over_ranks`), and the contrastive loss is computed by every rank over all ranks' embeddings
(`gather_with_gradient`).
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.meeting import agree, first_store, require_described

_alone = threading.Event()  # of the process: a backward pass on a GPU runs in other threads
_groups = itertools.count()
"""How often this process has joined a group."""


def is_distributed() -> bool:
    """True inside an initialised process group."""
    return dist.is_available() and dist.is_initialized()


def world_size() -> int:
    """Number of processes that train together (1 when not distributed)."""
    return dist.get_world_size() if is_distributed() and not _alone.is_set() else 1


def rank() -> int:
    """This process's number, 0 ... world_size() - 1."""
    return dist.get_rank() if is_distributed() else 0


def is_main() -> bool:
    """True in the one process that writes files and shows progress."""
    return rank() == 0


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process computes as if there were no other: no operation of this file waits for anybody.

    `rank` stays. For looking at one process's own numbers after something went wrong: the others may be anywhere.
    """
    _alone.set()
    try:
        yield
    finally:
        _alone.clear()


def barrier() -> None:
    """Wait until every process is here."""
    if is_distributed():
        dist.barrier()


def start_from_environment(device_type: str) -> bool:
    """Join the process group that `torchrun` describes in the environment. A group that was left may be joined again.

    Args:
        device_type: "cuda" uses nccl, anything else gloo.

    Returns:
        True when this call created the group (the caller then ends it with `stop`). False without torchrun,
        with one process, or when a group exists already.

    Raises:
        DataError: WORLD_SIZE is set, but not by torchrun; the meeting place is taken by another program, or not there.
    """
    size = os.environ.get("WORLD_SIZE") or "1"
    if is_distributed() or size == "1":
        return False
    require_described(os.environ)
    if device_type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # Each time under names of its own: those of a group that was left lead to closed connections.
    store = dist.PrefixStore(f"group {next(_groups)}", _environment_store())
    backend, place = "nccl" if device_type == "cuda" else "gloo", int(os.environ["RANK"])
    dist.init_process_group(backend, store=store, rank=place, world_size=int(size))
    return True


@cache
def _environment_store() -> dist.Store:
    """Kept for the life of the process: without torchrun's own, rank 0 holds it, and the others stay connected."""
    store, place, size = first_store()
    # torchrun keeps its store for all its starts of these processes.
    return dist.PrefixStore(agree(store, place, size), store)


def meeting_place() -> dist.Store:
    """The key-value store of the process group."""
    return dist.distributed_c10d._get_default_store()


def stop() -> None:
    """Leave the process group."""
    if is_distributed():
        dist.destroy_process_group()


@torch.no_grad()
def average_over_ranks(values: Tensor) -> Tensor:
    """Mean of a tensor over ranks, without gradient. Its shape is the same on every rank."""
    return values if world_size() == 1 else sum_over_ranks(values) / world_size()


@torch.no_grad()
def gather_rows(values: Tensor) -> Tensor:
    """(N, ...) of every rank, joined along the first axis in rank order, without gradient; N is the same everywhere."""
    return torch.cat(_gather_equal(values.detach())) if world_size() > 1 else values.detach()


def gather_with_gradient(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """All ranks' embeddings, in rank order, with a gradient that is right under DistributedDataParallel.

    Args:
        embeddings: (N, D) floating point; N may differ between ranks and may be 0.
        labels: (N,) int64, non-negative.

    Returns:
        ((sum of N, D), (sum of N,)). Labels are shifted per rank, so that no two ranks share a label.

    Every rank must compute the *same* function of the result (as a loss over the joined batch does). The
    gradient of the own rows is then the same on every rank, its sum over ranks is world_size times the own
    one, and no collective is needed in the backward pass. DistributedDataParallel divides by world_size
    again.
    """
    if world_size() == 1:
        return embeddings, labels
    largest_label = int(labels.max()) if len(labels) else -1
    shape = torch.tensor([len(labels), largest_label], device=embeddings.device)
    shapes = _gather_equal(shape)
    counts = [int(s[0]) for s in shapes]
    offset = max(int(s[1]) for s in shapes) + 1
    all_embeddings: Tensor = _Gather.apply(embeddings, counts)
    all_labels = _gather_padded(labels + rank() * offset, counts)
    return all_embeddings, all_labels


def _gather_padded(values: Tensor, counts: list[int]) -> Tensor:
    """(N, ...) of every rank, joined along the first axis; padded to the largest N while they travel."""
    padded = values.new_zeros((max(counts), *values.shape[1:]))
    padded[: len(values)] = values
    return torch.cat([part[:count] for part, count in zip(_gather_equal(padded), counts, strict=True)])


class _Gather(torch.autograd.Function):
    """Forward: gather. Backward: the own rows of the gradient, times world_size."""

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        return _gather_padded(embeddings.detach(), counts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        start = sum(ctx.counts[: rank()])
        own = gradients[0][start : start + ctx.counts[rank()]]
        return own * world_size(), None


@torch.no_grad()
def gather_uneven(values: Tensor) -> Tensor:
    """(N, ...) of every rank, joined along the first axis in rank order, without gradient; N may differ, or be 0."""
    return values.detach() if world_size() == 1 else _gather_padded(values.detach(), _counts(values))


def join_rows(rows: Tensor) -> Tensor:
    """The same with the gradient of `gather_with_gradient`: every rank must compute the same function of the result."""
    if world_size() == 1:
        return rows
    joined: Tensor = _Gather.apply(rows, _counts(rows))
    return joined


@torch.no_grad()
def sum_over_ranks(values: Tensor) -> Tensor:
    """Sum of a tensor over ranks, without gradient. Its shape is the same on every rank."""
    if world_size() > 1:
        values = values.detach().clone()
        dist.all_reduce(values)
    return values


def _counts(values: Tensor) -> list[int]:
    """Rows of every rank."""
    count = torch.tensor([len(values)], device=values.device)
    return torch.cat(_gather_equal(count)).tolist()


def _gather_equal(values: Tensor) -> list[Tensor]:
    """A tensor of the same shape from every rank."""
    values = values.contiguous()
    parts = [torch.empty_like(values) for _ in range(world_size())]
    dist.all_gather(parts, values)
    return parts


class Vote:
    """Lets several processes decide as one. Make it, and ask it, in every process and equally often in each.

    It waits for the others on the CPU (by gloo): no GPU is waited for.
    """

    def __init__(self) -> None:
        needed = world_size() > 1 and dist.get_backend() != "gloo"
        self._group: Any = dist.new_group(backend="gloo") if needed else None

    def largest(self, value: int) -> int:
        """The largest of the values that the processes give."""
        if world_size() == 1:
            return value
        values = torch.tensor(value)
        dist.all_reduce(values, dist.ReduceOp.MAX, group=self._group)
        return int(values)


def require_equal(what: str, digest: bytes, device: torch.device) -> None:
    """Raise DataError, in every process, unless all have the same digest (of any length, equal in all)."""
    if world_size() == 1:
        return
    own = torch.tensor(list(digest), device=device)
    differs = [number for number, other in enumerate(_gather_equal(own)) if not torch.equal(other, own)]
    total = torch.tensor(len(differs), device=device)
    dist.all_reduce(total)
    if total:
        raise DataError(
            f"the {world_size()} processes do not have the same {what}. Give all of them the same command and a run "
            "folder that all of them see: on several machines, one on a shared file system."
        )


def peer_was_lost(error: BaseException) -> bool:
    """Whether an error says that another process of the group went away, and nothing about this one."""
    words = str(error)
    known = dist.is_available() and isinstance(error, dist.DistError)
    return known or (isinstance(error, RuntimeError) and any(sign in words for sign in _LOST_PEER))


_LOST_PEER = ("Connection closed by peer", "Connection reset by peer", "gloo/transport", "NCCL error", "Broken pipe")
"""What gloo and NCCL write where a process waits for one that has ended; they have no error type for it."""


def restarts() -> int:
    """How often torchrun has started the processes again after one of them ended (`--max-restarts`)."""
    count = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return int(count) if count.isdecimal() else 0
