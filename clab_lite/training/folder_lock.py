"""One folder, one user at a time: other processes and this one are kept out until the work in it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clab_lite.distributed import is_main
from clab_lite.errors import DataError
from clab_lite.files import remove_parts

LOCK = ".lock"
_BEYOND_TEXT = 1 << 20
_held: set[Path] = set()
"""Folders of this process: the operating system's lock keeps out other processes only."""


class FolderInUse(DataError):
    """Another process, or another block in this one, holds the folder."""


@dataclass(frozen=True)
class HeldFolder:
    """A folder inside its `hold` block."""

    path: Path


@contextmanager
def hold(place: Path | HeldFolder) -> Iterator[HeldFolder]:
    """Lock a folder (it is made) for the block, and remove what a killed writer left half written in it.

    A folder that is held already stays held by its own block. Of several processes that train together only the main
    one locks.

    Raises:
        FolderInUse: another process, or another block in this one, holds the folder.
    """
    if isinstance(place, HeldFolder):
        yield place
        return
    place.mkdir(parents=True, exist_ok=True)
    if not is_main():
        yield HeldFolder(place)
        return
    key = place.resolve()
    if key in _held:  # must not even open the file: closing it would free the lock
        raise _in_use(place, f"{os.getpid()} (this one)")
    lock = _lock(place)
    _held.add(key)
    try:
        remove_parts(place)
        yield HeldFolder(place)
    finally:
        _held.discard(key)
        lock.close()  # The operating system frees the lock here, and also when the process is killed.


def _lock(folder: Path) -> IO[str]:
    """Open the lock file and lock it; it holds the process id for people to read."""
    file = (folder / LOCK).open("a+", encoding="utf-8")
    try:
        _lock_file(file)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise _in_use(folder, owner) from error
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _in_use(folder: Path, owner: str) -> FolderInUse:
    remedy = "Wait for it or stop it, or name another folder."
    return FolderInUse(f"{folder}: process {owner} is working in this folder. {remedy}")


def _lock_file(file: IO[str]) -> None:
    """Take an exclusive lock or raise OSError. The lock dies with its process: none is ever stale."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        # Windows lets nobody else read locked bytes: not those of the process id, and the same ones for everybody.
        os.lseek(file.fileno(), _BEYOND_TEXT, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        return
    # lockf, not flock: data workers forked from a killed run would keep an flock alive.
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
