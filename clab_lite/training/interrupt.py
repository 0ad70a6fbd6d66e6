"""Ctrl-C and SIGTERM between two steps: inside one, weights would be half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from clab_lite.distributed import Vote, world_size


class Stopped(KeyboardInterrupt):
    """A signal asked a training to end. Its step was finished and a checkpoint written."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def interrupts_deferred() -> Iterator[Callable[[], bool]]:
    """Inside the block Ctrl-C and SIGTERM (what batch systems send before the time is up) only make the yielded
    function answer True; the end of the block then raises Stopped, a KeyboardInterrupt.

    Of several processes it answers True in all at once, whichever was asked: call it once a step in each. One process:
    a second Ctrl-C stops at once. Several: a repeated signal changes nothing, since terminal, batch system and torchrun
    may each send theirs (torchrun kills what does not end in 30 seconds).

    Outside the main thread nothing changes: signals stop at once.
    """
    asked, agreed, vote = 0, 0, Vote()

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = number
        if number == signal.SIGINT and world_size() == 1:
            signal.signal(signal.SIGINT, before[signal.SIGINT])

    def stop_asked() -> bool:
        nonlocal agreed
        agreed = vote.largest(asked)
        return agreed > 0

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    here = threading.current_thread() is threading.main_thread()
    # None: set outside of Python; ignored (nohup): it stays ignored.
    taken = [number for number, handler in before.items() if here and handler not in (None, signal.SIG_IGN)]
    for number in taken:
        signal.signal(number, note)
    try:
        yield stop_asked
    finally:
        for number in taken:
            signal.signal(number, before[number])
    if agreed or (asked and world_size() == 1):
        raise Stopped(agreed or asked)


def ignore_interrupts(_worker: int = 0) -> None:
    """For data workers: Ctrl-C reaches them too, and a batch system's SIGTERM; the step that is being finished may need
    one more batch. A second SIGTERM ends them, as the loader's own does where a worker hangs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _next_time)


def _next_time(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
