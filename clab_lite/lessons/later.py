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

    def __init__(
        self, work: Callable[[], None], seconds: float = SECONDS, *, say: Callable[[str], None] | None = None
    ) -> None:
        """
        Args:
            work: what is asked for.
            seconds: to wait before it.
            say: shows a line of text. An error in the work becomes one, which the next good work should overwrite: a
                traceback would end unseen in the log of the loop. None: errors are raised.
        """
        self._work, self._seconds, self._say = work, seconds, say
        self._asked = threading.Lock()
        self._waiting: tuple[asyncio.AbstractEventLoop, object] | None = None
        """The loop that will do the work, and which request it is of; None when nothing waits."""

    def ask(self) -> None:
        """Have the work done."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nobody would call back
            self.now()
            return
        with self._asked:
            if self._waiting is not None and self._waiting[0].is_running():
                return
            request = object()
            self._waiting = loop, request
        loop.call_later(self._seconds, self._if_still_asked, request)

    def cancel(self) -> None:
        """Forget a request that still waits."""
        with self._asked:
            self._waiting = None  # its timer finds that it is of no request

    def now(self) -> None:
        """Do the work at once, asked for or not; a request that still waits is not needed any more."""
        self.cancel()
        with DRAWING:
            try:
                self._work()
            except Exception as error:
                if self._say is None:
                    raise
                self._say(f"could not be drawn: {type(error).__name__}: {error}")

    def _if_still_asked(self, request: object) -> None:
        with self._asked:
            if self._waiting is None or self._waiting[1] is not request:
                return
            self._waiting = None
        self.now()
