"""Where to compute, by name."""

from __future__ import annotations

import os

import torch

from clab_lite.errors import DataError


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name, tried out before anything long starts.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps", or "auto": CUDA when there is a device, else the CPU. (Apple's MPS is
            never chosen by itself: some operations of the detector fall back to the CPU there.)

    Raises:
        DataError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"  # under torchrun each process has its own
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        remedy = "Choose cpu, or auto for the best device present."
        raise DataError(f"device {name!r} cannot be used here ({reason}). {remedy}") from error
    return device


def precise_type(device: torch.device) -> torch.dtype:
    """float64, where there is one: Apple's MPS has none."""
    return torch.float32 if device.type == "mps" else torch.float64
