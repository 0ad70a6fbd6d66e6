"""Work that follows behind its caller, in a thread of its own: frames are written while the next are computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from typing import Generic, ParamSpec

Arguments = ParamSpec("Arguments")


class Behind(Generic[Arguments]):
    """Calls of a function, made in order by one thread; the end of the `with` block waits for the last of them.

    None is made after one that fails. Its error is raised by a later call of the caller's, at the latest at the end of
    the block, unless the block ends with an error of its own.
    """

    def __init__(self, work: Callable[Arguments, None], most: int = 4) -> None:
        """
        Args:
            work: what to call.
            most: calls that may be waiting or at work; one more waits until there is room.
        """
        self._work, self._room = work, BoundedSemaphore(most)
        self._pool = ThreadPoolExecutor(1)
        self._at_work, self._ended = Lock(), False
        self._error: BaseException | None = None

    def __enter__(self) -> Behind[Arguments]:
        return self

    def __call__(self, *arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        self._room.acquire()
        if self._error is not None:
            self._room.release()  # whoever goes on calling is told again, and does not wait for ever
            raise self._error
        self._pool.submit(self._call, *arguments, **named)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._pool.shutdown()
        finally:  # a second Ctrl-C ends the waiting: what is at work is finished even then
            self._pool.shutdown(wait=False, cancel_futures=True)
            with self._at_work:  # up to Python 3.12 the pool, once interrupted, takes its thread for ended
                self._ended = True
        if kind is None and self._error is not None:
            raise self._error

    def _call(self, *arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        try:
            with self._at_work:
                if self._error is None and not self._ended:
                    self._work(*arguments, **named)
        except BaseException as error:  # none is lost: nobody asks the pool for it
            self._error = error
        finally:
            self._room.release()
