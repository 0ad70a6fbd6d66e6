"""Run something in a process of its own: what it holds at most is then nobody else's memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """work(*arguments) in a fresh process; both ends must be picklable."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def megabytes_of(work: Callable[[], object]) -> tuple[float, float]:
    """MB that this process holds before a call, libraries and weights, and at most during it (Linux only)."""
    _RESET.write_text("5")  # the peak starts anew from what is held now
    before = _peak()
    work()
    return before, _peak()


def _peak() -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
