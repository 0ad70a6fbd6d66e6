"""Work that a moving slider asks for many times and that is done once: in the kernel's own loop, soon after."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

SECONDS = 0.08
"""Wait before the work: many messages of one drag arrive within it; a person does not notice."""

DRAWING = threading.RLock()
"""Held while something is drawn: a kernel may hear of two moves in two threads, and matplotlib draws in one."""


class Later:
    """Calls `work` once, SECONDS after the first of any number of requests; without a running loop at once.

    A request during the wait changes nothing: the work reads the newest values itself. So a figure follows a drag in
    steps, and a slow figure never has a queue of old values to draw.
    """

    def __init__(self, work: Callable[[], None], seconds: float = SECONDS) -> None:
        self._work, self._seconds = work, seconds
        self._waiting: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Have the work done."""
        if self._waiting is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nobody would call back
            with DRAWING:
                self._work()
            return
        self._waiting = loop.call_later(self._seconds, self._now)

    def cancel(self) -> None:
        """Forget a request that still waits."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _now(self) -> None:
        self._waiting = None
        with DRAWING:
            self._work()
