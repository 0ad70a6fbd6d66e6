"""A crash is easier to understand from a small input: leave out what it does not need."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trials.fuzz.target import Changes

_TRIES = 300


def smaller(changes: Changes, crashes: Callable[[Changes], bool]) -> Changes:
    """An input from which nothing more can be taken (in a bounded number of tries), and that still crashes."""
    left = [_TRIES]

    def still(fewer: Changes) -> bool:
        left[0] -= 1
        return left[0] >= 0 and crashes(fewer)

    for name in list(changes):
        fewer = {key: entry for key, entry in changes.items() if key != name}
        if fewer and still(fewer):
            changes = fewer
    for name, entry in changes.items():
        if isinstance(entry, bytes):
            changes = {**changes, name: _cut(entry, partial(_with, changes, name, still))}
    return changes


def _with(changes: Changes, name: str, still: Callable[[Changes], bool], content: bytes) -> bool:
    return still({**changes, name: content})


def _cut(content: bytes, crashes: Callable[[bytes], bool]) -> bytes:
    size = max(len(content) // 2, 1)
    while True:
        start = 0
        while start < len(content):
            fewer = content[:start] + content[start + size :]
            if crashes(fewer):
                content = fewer
            else:
                start += size
        if size == 1:
            return content
        size //= 2
