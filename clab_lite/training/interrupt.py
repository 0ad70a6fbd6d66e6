"""Ctrl-C between two steps: inside one, weights would be half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from clab_lite.distributed import world_size


@contextmanager
def interrupts_deferred() -> Iterator[Callable[[], bool]]:
    """Inside the block the first Ctrl-C only makes the yielded function answer True; a second one stops at once.

    The end of the block then raises KeyboardInterrupt.

    Outside the main thread, and where several processes train together (they would stop at different steps), nothing
    changes: Ctrl-C stops at once.
    """
    asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    defers = threading.current_thread() is threading.main_thread() and world_size() == 1 and callable(before)
    if defers:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        if defers:
            signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


def ignore_interrupts(_worker: int = 0) -> None:
    """For data workers: Ctrl-C reaches them too, and the step that is being finished may need one more batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
