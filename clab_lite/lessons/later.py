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
    steps, and a slow figure never has a queue of old values to draw. Requests may come from several threads, each with
    a loop of its own, as in a kernel with subshells: a loop that ended before its time came is not waited for.
    """

    def __init__(self, work: Callable[[], None], seconds: float = SECONDS) -> None:
        self._work, self._seconds = work, seconds
        self._asked = threading.Lock()
        self._waiting: tuple[asyncio.AbstractEventLoop, object] | None = None
        """The loop that will do the work, and which request it is of; None when nothing waits."""

    def ask(self) -> None:
        """Have the work done."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nobody would call back
            with DRAWING:
                self._work()
            return
        with self._asked:
            if self._waiting is not None and self._waiting[0].is_running():
                return
            request = object()
            self._waiting = loop, request
        loop.call_later(self._seconds, self._now, request)

    def cancel(self) -> None:
        """Forget a request that still waits."""
        with self._asked:
            self._waiting = None  # its timer finds that it is of no request

    def _now(self, request: object) -> None:
        with self._asked:
            if self._waiting is None or self._waiting[1] is not request:
                return
            self._waiting = None
        with DRAWING:
            self._work()
