"""A command line in a forked process, which can be killed at a chosen moment and meddled with before it starts."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CRASHED = 70
"""Exit status of a child in which a bug raised."""
PATIENCE = 120.0
"""Seconds after which a child counts as hanging."""
_TICK = 0.001


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    """Exit status; the negative number of the signal that killed it."""
    said: str
    """What it wrote to standard output and error."""
    seconds: float
    """CPU time of its main process."""

    @property
    def crashed(self) -> bool:
        """A traceback, a hang or a signal that nobody sent: never an answer to a fault."""
        return self.status not in (0, 1, 2) or "Traceback (most recent call last)" in self.said

    @property
    def last_line(self) -> str:
        """Where the one line of an error stands."""
        return self.said.strip().rpartition("\n")[2]


class Child:
    """A running command: leader of its own process group."""

    def __init__(self, words: Sequence[str], place: Path, meddle: Callable[[], None] = lambda: None) -> None:
        """
        Args:
            words: of the command line, without the program's name; paths are relative to `place`.
            place: becomes the current folder; the user's cache folder is `place`/cache.
            meddle: called in the child before the command.
        """
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open until the child has ended; not at the place, whose disk may be full
        ready, begun = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ready)
            _work(words, place, meddle, self._said.fileno(), begun)
        os.close(begun)
        os.read(ready, 1)  # the child has left its parent's group
        os.close(ready)
        self._seconds = 0.0
        self._ended: Ended | None = None

    def wait(self) -> Ended:
        """Until it ends; one that hangs is killed."""
        until = time.monotonic() + PATIENCE
        while (ended := self.ended()) is None:
            if time.monotonic() > until:
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(_TICK)
        return ended

    def wait_for_work(self, seconds: float) -> None:
        """Until its main process has worked for so long, or has ended.

        CPU time, which other work on the machine does not stretch.
        """
        until = time.monotonic() + PATIENCE
        while self.ended() is None and self._seconds < seconds and time.monotonic() < until:
            time.sleep(_TICK)

    def kill_after(self, seconds: float) -> Ended:
        """Kill the whole group with SIGKILL once its leader has worked for so long."""
        self.wait_for_work(seconds)
        if self._ended is None:
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def ended(self) -> Ended | None:
        """How it ended; None while it works."""
        if self._ended is None:
            self._seconds = max(self._seconds, _worked(self.pid))
            done, code = os.waitpid(self.pid, os.WNOHANG)
            if done:
                with contextlib.suppress(ProcessLookupError):  # its workers
                    os.killpg(self.pid, signal.SIGKILL)
                self._said.seek(0)
                said = self._said.read().decode(errors="replace")
                self._said.close()
                self._ended = Ended(os.waitstatus_to_exitcode(code), said, self._seconds)
        return self._ended


def run(words: Sequence[str], place: Path, meddle: Callable[[], None] = lambda: None) -> Ended:
    """A command from its start to its end."""
    return Child(words, place, meddle).wait()


def call(work: Callable[[], object], place: Path) -> None:
    """Any work in a forked process: what starts threads must not do so in the parent.

    Raises:
        RuntimeError: it failed; with what it said.
    """

    def raised() -> None:
        work()
        raise SystemExit(0)

    ended = run([], place, raised)
    if ended.status:
        raise RuntimeError(ended.said)


def _work(words: Sequence[str], place: Path, meddle: Callable[[], None], said: int, begun: int) -> None:
    """The child; never returns."""
    status = CRASHED
    try:
        os.setsid()
        os.chdir(place)
        os.environ["XDG_CACHE_HOME"] = "cache"
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        meddle()
        os.close(begun)
        from clab_lite.cli import main

        status = main(words)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else CRASHED
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _worked(pid: int) -> float:
    """CPU seconds of a process; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # its clock, by Linux's numbering (clock_getcpuclockid)
    except OSError:
        return 0.0


_IMPORTED = (
    "av", "pandas", "torchvision", "torch.utils.tensorboard", "tensorboard.backend.event_processing.event_accumulator",
    "clab_lite.cli.detect", "clab_lite.cli.evaluate", "clab_lite.cli.make_samples", "clab_lite.cli.parsing",
    "clab_lite.cli.pretrain", "clab_lite.cli.work", "clab_lite.detect", "clab_lite.embeddings",
    "clab_lite.evaluation_page", "clab_lite.interop", "clab_lite.pretraining.loop", "clab_lite.pretraining.methods",
    "clab_lite.report_data", "clab_lite.scoring", "clab_lite.show.maps", "clab_lite.train", "clab_lite.trained",
)  # fmt: skip


def warm() -> None:
    """Import what commands import, so that their processes start at once. Starts no thread."""
    import torch

    torch.set_num_threads(1)
    for name in _IMPORTED:
        importlib.import_module(name)
