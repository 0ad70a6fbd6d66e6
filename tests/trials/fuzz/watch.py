"""The time and the memory that one input takes; where the system cannot tell, neither is limited.

POSIX interrupts what takes too long; elsewhere it is only found afterwards. Linux forgets the peak of a process when it
is asked to, so that each target is measured alone.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

with contextlib.suppress(ImportError):  # not on Windows
    import resource

MORE = 4 * 2**30
"""Bytes that the process may take on top of what it has."""
_LOWER_PEAK = Path("/proc/self/clear_refs")


class TooSlow(BaseException):
    """Raised inside a reader that has used up its time; no `except Exception` holds it up."""


@contextlib.contextmanager
def alarms() -> Iterator[None]:
    """Readers in the block can be interrupted; a timer that ran before goes on after it (pytest-timeout's)."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise TooSlow

    handler, start = signal.getsignal(signal.SIGALRM), time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 0.001), interval)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """TooSlow when the block takes longer; again each second, as a block may wait for its threads when it ends."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def lower_peak() -> None:
    """From now on `peak` is that of what comes, where the system can do this."""
    with contextlib.suppress(OSError):
        _LOWER_PEAK.write_text("5")


def peak() -> float:
    """The most memory this process has held, in MB; NaN where the system does not tell."""
    try:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    except NameError:
        return math.nan
    return most / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, kilobytes on Linux


def limit_memory() -> None:
    """A process that asks for much more than it has gets a MemoryError, where the system can do this (Linux)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return
    taken = int(status.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MORE, hard))
