"""The machine that was measured on: its name, its versions, and how fast it multiplies matrices."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torchvision

SIDE = 2048
"""Of the square matrices that the rate is measured with."""


def describe(device: torch.device) -> dict[str, Any]:
    """What a reader needs to compare: processor or card, threads, versions, matrix rates in GFLOP/s."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return {
        "device": name, "threads": torch.get_num_threads(), "date": datetime.now(UTC).date().isoformat(),
        "gflops": {kind: matrix_rate(device, dtype) for kind, dtype in kinds.items()},
        "python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__,
    }  # fmt: skip


def matrix_rate(device: torch.device, kind: torch.dtype, turns: int = 8) -> float:
    """GFLOP/s of a product of two square matrices: the best of some turns."""
    one, other = (torch.randn(SIDE, SIDE, device=device).to(kind) for _ in range(2))
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        (one @ other)[0, 0].item()  # waits for a GPU
        times.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(times) / 1e9


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
