"""Signs of life: a process that was killed cannot say so, and on another machine nobody else does."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch.distributed as dist

from clab_lite.errors import DataError

_PULSE_EVERY = 2.0
"""Seconds between two signs of life."""
_SILENCE = 60.0
"""Seconds without one after which a process is taken for dead."""
_ARRIVAL = 1800.0
"""Seconds in which every process has to begin."""


def _key(name: str, rank: int) -> str:
    return f"{name}/pulse {rank}"


class Pulse(threading.Thread):
    """Gives signs of life while a process works: a number that grows, in which team it works, and how much it did."""

    def __init__(self, name: str, rank: int, store: Any, work: Callable[[], tuple[str, int]]) -> None:
        """name: of the outermost team. work: the innermost team's name, and what was done in it."""
        super().__init__(daemon=True, name="pulse")
        self._key, self._store, self._work, self._stopped = _key(name, rank), store, work, threading.Event()

    def run(self) -> None:
        """Until it is stopped, or there is nobody to tell."""
        with suppress(dist.DistError, IndexError):
            for number in itertools.count():
                self._store.set(self._key, json.dumps([number, *self._work()]))
                if self._stopped.wait(_PULSE_EVERY):
                    return

    def stop(self) -> None:
        """Returns when the store is not asked any more."""
        self._stopped.set()
        self.join()


class Watch:
    """Reads the signs of life of the others."""

    def __init__(self, name: str, rank: int, size: int, ask: Callable[..., Any]) -> None:
        """name: of the outermost team. ask: calls a method of the store."""
        self._others, self._name, self._ask = [other for other in range(size) if other != rank], name, ask
        self._opened, self._looked = time.monotonic(), 0.0
        self._signs: dict[int, tuple[list[Any] | None, float]] = {}

    def look(self) -> None:
        """DataError when a process has been silent for too long. Looks as often as there is something new."""
        now = time.monotonic()
        if now - self._looked < _PULSE_EVERY:
            return
        self._looked = now
        for other in self._others:
            key = _key(self._name, other)
            sign = json.loads(self._ask("get", key)) if self._ask("check", [key]) else None
            last, since = self._signs.setdefault(other, (None, self._opened))
            if sign != last:
                self._signs[other] = sign, now
            elif now - since > (_ARRIVAL if sign is None else _SILENCE):
                what = "has not begun (all have to make this call)" if sign is None else "has given no sign of life"
                why = "it was killed, or its machine cannot be reached. Start all of them again."
                raise DataError(f"process {other} {what} for {now - since:.0f} s: {why}")

    def done(self, name: str) -> int:
        """What the others have done in a team, two seconds late."""
        return sum(sign[2] for sign, _ in self._signs.values() if sign is not None and sign[1] == name)
