"""Apple's MPS has no float64. Played on the CPU: the device is said to have none, and what gives one is refused."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_ASK = ("detector.roi_align", "detector.most_similar", "methods.crosscl.data", "methods.crosscl.auxiliary")
"""Modules that ask for the most precise type of a device."""


class _Refuses(TorchDispatchMode):
    def __torch_dispatch__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex128):
                raise TypeError(f"{func} gives float64, which MPS does not have")
        return result


@contextmanager
def like_mps() -> Iterator[None]:
    """No operation inside the block may give float64: what is on its way to a device, and what is computed there."""
    patches = [patch.object(importlib.import_module(f"clab_lite.{name}"), "precise_type", _single) for name in _ASK]
    for each in patches:
        each.start()
    try:
        with _Refuses():
            yield
    finally:
        for each in patches:
            each.stop()


def _single(_device: torch.device) -> torch.dtype:
    return torch.float32
