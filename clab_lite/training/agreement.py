"""Several processes start from one state, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from clab_lite.distributed import require_equal, world_size


def require_same_start(iteration: int, resumed: dict[str, Any] | None, device: torch.device) -> None:
    """Raise DataError, in every process, unless all start after the same step, from the same checkpoint or none.

    On machines that do not share the run folder, all but the first would start anew beside one that goes on.

    Args:
        iteration: steps done.
        resumed: the checkpoint, None at the start of a run. (First weights are those of process 0 in any case.)
        device: of the training.
    """
    if world_size() == 1:
        return
    digest = hashlib.sha256(str(iteration).encode())
    for tensor in _tensors({} if resumed is None else {name: resumed[name] for name in ("model", "optimizer")}):
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    require_equal("state to start from", digest.digest(), device)


def _tensors(value: Any) -> Iterator[Tensor]:
    """Those inside dicts and lists, in their order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)
