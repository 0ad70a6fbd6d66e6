"""The same numbers on every run: settings of PyTorch that leave nothing to chance, for the time of one block.

What this gives, and what it cannot: on one kind of machine, with the same versions and the same number of threads, two
runs end with the same bits. Another number of CPU threads cuts sums elsewhere and rounds otherwise; docs/robustness.md
holds which parts that touches, and what is known of CUDA.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from clab_lite.errors import DataError

CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""cuBLAS reads this variable once, when it starts; without it, its products may differ from run to run."""
_FIXED = ":4096:8"


@contextmanager
def deterministic(wanted: bool, device: torch.device) -> Iterator[None]:
    """Inside, PyTorch computes deterministically; afterwards it has the settings of before. False changes nothing.

    Raises:
        DataError: CUDA was started without `CUBLAS_WORKSPACE_CONFIG`: it is too late to set it.
    """
    if not wanted:
        yield
        return
    if device.type == "cuda":
        prepare_cublas()
    mode, cudnn = torch.get_deterministic_debug_mode(), torch.backends.cudnn
    chosen = cudnn.benchmark, cudnn.deterministic
    torch.use_deterministic_algorithms(True)
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        cudnn.benchmark, cudnn.deterministic = chosen


def prepare_cublas() -> None:
    """Set the variable that cuBLAS reads, where nobody has; to be called before CUDA starts."""
    if CUBLAS_WORKSPACE in os.environ:
        return
    if torch.cuda.is_initialized():
        raise DataError(
            f"deterministic: CUDA has started in this process without {CUBLAS_WORKSPACE}. "
            f"Start again with {CUBLAS_WORKSPACE}={_FIXED} in the environment."
        )
    os.environ[CUBLAS_WORKSPACE] = _FIXED
