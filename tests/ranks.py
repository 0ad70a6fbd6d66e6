"""Starts the processes of a group for a test, waits for them, and leaves none behind.

A test gives a script and its arguments. Each process finds RANK, LOCAL_RANK, WORLD_SIZE and the address in its
environment, as torchrun sets them, and may import the modules of tests/ and the package.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).parent
_PATIENCE = 40.0
"""Seconds to end in after being asked to; torchrun gives its workers 30."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Exit status; -9 after SIGKILL."""
    out: str
    errors: str
    seconds: float
    """From the start of its group."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started_ranks(command: Sequence[str | Path], size: int, **variables: str) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes of a group, by rank, each running `python COMMAND`; those that still run are killed at the end.

    Args:
        command: words after `python`: a script and its arguments, or "-m", a module and its arguments.
        size: how many; 1 is a process without a group.
        variables: more of the environment.
    """
    port = free_port()
    processes = [_start(command, _environment(variables) | _place(rank, size, port)) for rank in range(size)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def wait(processes: Sequence[subprocess.Popen[str]], timeout: float = 120) -> list[Ended]:
    """Wait for all of them. subprocess.TimeoutExpired when one takes longer."""
    began = time.monotonic()
    ended = []
    for process in processes:
        out, errors = process.communicate(timeout=max(0.0, began + timeout - time.monotonic()))
        ended.append(Ended(process.returncode, out, errors, time.monotonic() - began))
    return ended


def run_ranks(command: Sequence[str | Path], size: int, timeout: float = 120, **variables: str) -> list[Ended]:
    """Start a group as `started_ranks` does, and wait for all of it."""
    with started_ranks(command, size, **variables) as processes:
        return wait(processes, timeout)


def require_success(ended: Sequence[Ended]) -> None:
    """Fail with what the processes complained about, unless all ended with status 0."""
    assert [each.code for each in ended] == [0] * len(ended), "\n".join(each.errors for each in ended)


@contextmanager
def started_torchrun(
    command: Sequence[str | Path], size: int, *options: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """torchrun with `size` processes on this machine; at the end it is asked to end, and takes its workers with it.

    Args:
        command: words after torchrun's own: a script and its arguments, or "-m", a module and its arguments.
        size: processes.
        options: more of torchrun's own, as "--max-restarts=1".
        variables: more of the environment.
    """
    words = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}", *options, *command]
    process = _start(words, _environment(variables))
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def run_torchrun(
    command: Sequence[str | Path], size: int, *options: str, timeout: float = 180, **variables: str
) -> Ended:
    """Start torchrun as `started_torchrun` does, and wait for it."""
    with started_torchrun(command, size, *options, **variables) as process:
        return wait([process], timeout)[0]


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """That of this process, without a group in it, with the modules of tests/ and one thread each."""
    group = {"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
    present = {name: value for name, value in os.environ.items() if name not in group}
    paths = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    return {**present, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variables}


def _place(rank: int, size: int, port: int) -> dict[str, str]:
    """A process's place in its group, as torchrun describes it."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
    return {name: str(value) for name, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"}


def _start(command: Sequence[str | Path], environment: dict[str, str]) -> subprocess.Popen[str]:
    words = [sys.executable, *map(str, command)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
