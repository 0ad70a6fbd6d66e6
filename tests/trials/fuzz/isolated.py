"""One reader in a process of its own: what it keeps is not held against the next, and if it dies no other does.

Its memory is limited: a reader that asks for more gets a MemoryError instead of the machine's last byte.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from trials.fuzz import made_up, watch
from trials.fuzz.runner import run
from trials.fuzz.tally import Tally
from trials.fuzz.targets import TARGETS


def try_alone(name: str, count: int, seed: int) -> Tally:
    """Changed inputs, and a tenth as many made-up ones."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_limit_memory) as pool:
        try:
            return pool.submit(_try, name, count, seed).result()
        except BrokenProcessPool as error:
            return Tally(name, crashes=[f"process: it ended the process ({error})\n    seed {seed}"])
        except Exception as error:  # of the trial itself: the other readers are tried all the same
            return Tally(name, crashes=[f"trial: {error!r}\n    seed {seed}"])


def _limit_memory() -> None:
    """Of this module, so that all of the library is imported before: PyTorch alone takes 4 GB of addresses."""
    watch.limit_memory()


def _try(name: str, count: int, seed: int) -> Tally:
    target = next(target for target in TARGETS if target.name == name)
    tally = run(target, count, seed)
    if target.strategy is not None:
        tally.add(made_up.run(target, max(count // 10, 1), seed))
    return tally
