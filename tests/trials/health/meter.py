"""What one look at a process sees, and a file of looks."""

from __future__ import annotations

import gc
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch


@dataclass(frozen=True)
class Look:
    """A process at one moment of its work."""

    at: int
    """Units of work that are done: steps, frames, repetitions."""
    seconds: float
    """Since the work began."""
    memory_kb: float
    """Resident memory of the process."""
    children_kb: float
    """Of its child processes: each one's share of what several processes map (PSS), where the system counts it."""
    files: int
    """Open file descriptors (handles, on Windows)."""
    threads: int
    extra: dict[str, float]
    """Whatever else was counted: live tensors, Python objects, widgets, figures."""


def look_at(process: psutil.Process, at: int, began: float, extra: dict[str, float]) -> Look:
    """Look at a process now."""
    count = getattr(process, "num_fds", None) or process.num_handles
    shares = [_share(child) for child in process.children(recursive=True)]
    seconds = time.monotonic() - began
    memory = process.memory_info().rss / 1024
    return Look(at, seconds, memory, sum(shares), count(), process.num_threads(), extra)


def _share(child: psutil.Process) -> float:
    try:
        full = child.memory_full_info()
    except psutil.Error:  # it has just ended
        return 0.0
    return getattr(full, "pss", full.rss) / 1024


def census() -> dict[str, float]:
    """Live tensors and all objects that Python's collector knows, without garbage."""
    gc.collect()
    objects = gc.get_objects()
    # The type is asked, not the object: a lazy module would be imported by isinstance.
    return {"tensors": sum(issubclass(type(one), torch.Tensor) for one in objects), "objects": len(objects)}


class Meter:
    """Looks at its own process while it works, `looks` times evenly, and writes each look down at once."""

    def __init__(self, file: Path, length: int, looks: int = 200) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self.length = file, length
        self._every = max(1, length // looks)
        self._done = 0
        self._process, self._began = psutil.Process(), time.monotonic()
        file.write_text("", encoding="utf-8")

    def due(self, at: int) -> bool:
        """Whether it is time for a look, `at` units of `length` being done."""
        return self._counted(at) or at // self._every > self._done // self._every

    def look(self, at: int, process: psutil.Process | None = None, extra: dict[str, float] | None = None) -> None:
        """Look, when it is due. The work calls it with the units that it has done: up to `length`, at the end.

        Args:
            at: units that are done.
            process: another one than this.
            extra: what was counted otherwise; None is a census of this process, at three moments.
        """
        if self.due(at):
            extra = extra or (census() if self._counted(at) else {})
            write(self._file, look_at(process or self._process, at, self._began, extra))
        self._done = at

    def _counted(self, at: int) -> bool:
        return any(self._done < mark <= at for mark in (self.length // 10, self.length // 2, self.length))


def write(file: Path, look: Look) -> None:
    """Append a look."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(look)) + "\n")


def read(file: Path) -> list[Look]:
    """The looks of a file, in their order."""
    return [Look(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
