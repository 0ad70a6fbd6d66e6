"""One reader in a process of its own: what it keeps is not held against the next, and if it dies no other does.

Its memory is limited: a reader that asks for more gets a MemoryError instead of the machine's last byte.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from trials.fuzz import made_up
from trials.fuzz.runner import run
from trials.fuzz.tally import Tally
from trials.fuzz.targets import TARGETS

MORE = 4 * 2**30
"""Bytes that the process may take on top of what it has."""


def try_alone(name: str, count: int, seed: int) -> Tally:
    """Changed inputs, and a tenth as many made-up ones."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_limit_memory) as pool:
        try:
            return pool.submit(_try, name, count, seed).result()
        except BrokenProcessPool as error:
            return Tally(name, crashes=[f"process: it ended the process ({error})\n    seed {seed}"])


def _try(name: str, count: int, seed: int) -> Tally:
    target = next(target for target in TARGETS if target.name == name)
    tally = run(target, count, seed)
    if target.strategy is not None:
        tally.add(made_up.run(target, max(count // 10, 1), seed))
    return tally


def _limit_memory() -> None:
    """Where the system can do this (Linux)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return
    import resource

    taken = int(status.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MORE, hard))
