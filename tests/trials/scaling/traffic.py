"""Bytes between processes that train together, counted by the calls and by the kernel, for `mishap.py count`.

The kernel's count is that of this process's own TCP connections (TCP_INFO), so other programs do not disturb it. It has
gloo's headers in it. Linux only.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from clab_lite import train as training

FIRST, LAST = 2, 5
"""Steps done when counting begins and ends. In the first, DistributedDataParallel still arranges its gradients."""
_RECEIVED = 128
"""Place of tcpi_bytes_received in `struct tcp_info` (Linux 4.1 and newer)."""
LOG_ROW_NUMBERS = 7
"""Five losses, their total and the gradient's norm: averaged once a row of the log, which is a step here."""


@dataclass
class Counted:
    """Payload of the calls of this process."""

    gradients: int = 0
    collectives: int = 0


def received() -> int:
    """Bytes that came through the TCP connections of this process so far."""
    total = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.type == socket.SOCK_STREAM:
                    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
                    total += struct.unpack_from("Q", info, _RECEIVED)[0] if len(info) == _RECEIVED + 8 else 0
        except OSError:  # no socket, or one that listens
            continue
    return total


def count_calls(counted: Counted) -> None:
    """Watch the gradients of DistributedDataParallel and the collective calls of the library."""

    def hook(state, bucket):  # type: ignore[no-untyped-def]  # torch refuses annotations that are words
        counted.gradients += bucket.buffer().nbytes
        return allreduce_hook(state, bucket)

    class Watched(DistributedDataParallel):
        def __init__(self, module: torch.nn.Module) -> None:
            super().__init__(module)
            self.register_comm_hook(None, hook)

    def watch(name: str, tensor_of: Any) -> None:
        plain = getattr(dist, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            counted.collectives += tensor_of(arguments).nbytes
            return plain(*arguments, **options)

        setattr(dist, name, watched)

    training.DistributedDataParallel = Watched  # type: ignore[misc, attr-defined]
    watch("all_reduce", lambda arguments: arguments[0])
    watch("all_gather", lambda arguments: arguments[1])


class Traffic:
    """Counts between the steps FIRST and LAST, and writes the bytes of one step into a file."""

    def __init__(self, file: Path) -> None:
        self.file, self.counted = file, Counted()
        self.before: tuple[int, ...] = ()
        count_calls(self.counted)

    def look(self, steps_done: int) -> None:
        """To be called before every step."""
        now = (received(), self.counted.gradients, self.counted.collectives)
        if steps_done == FIRST:
            self.before = now
        if steps_done == LAST:
            each = [(after - before) / (LAST - FIRST) for before, after in zip(self.before, now, strict=True)]
            self.file.write_text(json.dumps(dict(zip(("received", "gradients", "collectives"), each, strict=True))))
