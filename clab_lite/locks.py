"""Locks between processes: of a file that lies beside what is worked on, kept by the operating system.

A lock dies with its process: none is ever stale.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from clab_lite.errors import DataError
from clab_lite.files import naming, remove_parts

_held: set[Path] = set()
"""Lock files of this process: the operating system's lock keeps out other processes only."""
_BEYOND = 1 << 30
"""A byte that no lock file has. On Windows that one is locked: the process id before it stays readable."""
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""What systems say when somebody else has the lock."""


class FolderInUse(DataError):
    """Another process, or another block in this one, works there."""


@contextmanager
def locked(file: Path, place: Path, what: str = "working in this folder") -> Iterator[None]:
    """Hold the lock of `file`, which is made, for the block.

    Args:
        file: holds the process id for people to read.
        place: what it stands for; errors name it.
        what: the holder is doing there.

    Raises:
        FolderInUse: another process, or another block in this one, holds it.
        DataError: the disk knows no locks.
        OSError: the file cannot be made.
    """
    key = file.parent.resolve() / file.name
    if key in _held:  # must not even open the file: closing it would free the lock
        raise _in_use(place, f"{os.getpid()} (this one)", what)
    handle = _taken(file, place, what)
    _held.add(key)
    try:
        yield
    finally:
        _held.discard(key)
        handle.close()  # The operating system frees the lock here, and also when the process is killed.


@contextmanager
def reserved(path: Path) -> Iterator[None]:
    """Lock the name of a file or folder that is being made, for the block: nobody else makes it meanwhile.

    What a killed writer left half written of it is removed. The lock lies beside it under a hidden name and goes at the
    end (on Windows, where open files cannot be removed, it stays).

    Raises:
        FolderInUse, DataError, OSError: as in `locked`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    with locked(file, path, "making this"):
        try:
            remove_parts(path.parent, [path.name])
            yield
        finally:
            with suppress(OSError):
                file.unlink()


def _taken(file: Path, place: Path, what: str) -> IO[bytes]:
    """The open lock file, locked."""
    while True:
        with naming(place):
            handle = file.open("a+b", buffering=0)
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle.fileno()), os.stat(file)):
                break
        except FileNotFoundError:  # its holder has removed it since: this one locks nothing
            pass
        except OSError as error:
            handle.seek(0)
            owner = handle.read().decode(errors="replace").strip() or "unknown"
            handle.close()
            if error.errno in _TAKEN:
                raise _in_use(place, owner, what) from error
            problem = f"cannot be locked ({error.strerror or error})"
            raise DataError.at(place, "", problem, "Name a place on a disk of this computer.") from error
        handle.close()
    with suppress(OSError):  # on a full disk: the lock holds, it only does not say whose it is
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n".encode())
    return handle


def _in_use(place: Path, owner: str, what: str) -> FolderInUse:
    remedy = "Wait for it or stop it, or name another folder."
    return FolderInUse(f"{place}: process {owner} is {what}. {remedy}")


def _lock(file: IO[bytes]) -> None:
    """Take an exclusive lock or raise OSError."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        file.seek(_BEYOND)  # it locks where the file stands, for reading too
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        return
    # lockf, not flock: data workers forked from a killed run would keep an flock alive.
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
