"""A reader in a process of its own, because compiled code that fails takes its process with it."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from clab_lite.errors import DataError
from trials.fuzz import watch

_IMPORTS = 120
"""Seconds that starting the other process, and the first call with its imports, may take on top."""


class Child:
    """Calls a function of a path in another process, which serves until it dies or takes too long."""

    def __init__(self, function: Callable[[Path], None], seconds: float, megabytes: float) -> None:
        """
        Args:
            function: of a module, so that the other process finds it.
            seconds: by the clock, for one call.
            megabytes: that the other process may grow by.
        """
        self._function, self._seconds, self._megabytes = function, seconds, megabytes
        self._process: multiprocessing.process.BaseProcess | None = None

    def __call__(self, path: Path) -> None:
        """The call; its DataError is raised here.

        Raises:
            AssertionError: another error, the process died, grew, or took too long and was ended.
        """
        patience = 0
        if self._process is None:
            self._start()
            patience = _IMPORTS
        try:
            self._here.send(path)
            if not self._here.poll(self._seconds + patience):
                raise AssertionError(f"it was not done after {self._seconds:g} s")
            kind, text = self._here.recv()
        except (EOFError, ConnectionError) as error:
            self.close()
            raise AssertionError("it ended its process") from error
        except BaseException:
            self.close()
            raise
        if kind == "refused":
            raise DataError(text)
        assert kind == "read", text

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        arguments = (there, self._function, self._megabytes)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        there.close()
        assert self._here.poll(_IMPORTS), "the other process did not start"
        self._here.recv()


def _serve(pipe: Connection, function: Callable[[Path], None], megabytes: float) -> None:
    watch.limit_memory()
    pipe.send("ready")
    start: float | None = None
    while True:
        try:
            path = pipe.recv()
        except EOFError:  # the caller has gone
            return
        try:
            function(path)
            answer = ("read", "")
        except DataError as error:
            answer = ("refused", str(error))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            answer = ("crash", f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})")
        start = watch.peak() if start is None else start
        if watch.peak() - start > megabytes:
            answer = ("crash", f"it grew by {watch.peak() - start:,.0f} MB")
            start = watch.peak()
        pipe.send(answer)
