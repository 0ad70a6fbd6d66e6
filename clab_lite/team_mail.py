"""Bytes from one process of a team to another, through the key-value store of their group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

_PIECE, _AHEAD = 1 << 20, 2
"""Bytes that travel at once (the store takes 8 MiB), and how many such pieces wait for a process that is busy."""


class Mail:
    """Sends and receives messages of any length; those between two processes arrive in order."""

    def __init__(
        self, name: str, rank: int, ask: Callable[..., Any], wait: Callable[[Callable[[], bool]], None]
    ) -> None:
        """name: of the team. ask: calls a method of the store. wait: returns when something has become true."""
        self._name, self._rank, self._ask, self._wait = name, rank, ask, wait
        self._pieces: Counter[str] = Counter()

    def send(self, receiver: int, content: bytes) -> None:
        """Hand over bytes; waits while a few pieces are not taken yet."""
        path, framed = f"{self._name}/{self._rank} to {receiver}", len(content).to_bytes(8, "big") + content
        for start in range(0, len(framed), _PIECE):
            number = self._pieces[path]
            self._wait(partial(self._is_free, f"{path}/{number - _AHEAD}"))
            self._ask("set", f"{path}/{number}", framed[start : start + _PIECE])
            self._pieces[path] += 1

    def receive(self, sender: int) -> bytes:
        """Wait for the next message of a process."""
        path, found = f"{self._name}/{sender} to {self._rank}", bytearray()
        while len(found) < 8 or len(found) < 8 + int.from_bytes(found[:8], "big"):
            key = f"{path}/{self._pieces[path]}"
            self._wait(partial(self._ask, "check", [key]))
            found += self._ask("get", key)
            self._ask("delete_key", key)
            self._pieces[path] += 1
        return bytes(memoryview(found)[8:])

    def _is_free(self, key: str) -> bool:
        return not self._ask("check", [key])
