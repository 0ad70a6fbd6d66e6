"""Run by test_windows_like.py: this process, as strict as Windows, as far as Linux can play it.

A file that is open or mapped into memory is neither replaced, renamed nor removed. Nothing is renamed onto something.
What POSIX alone has is missing; locks are Windows' own; workers are started afresh.

usage: windows_like.py FOLDER COMMANDS.json     runs the command lines, each a list of words, inside FOLDER
       windows_like.py FOLDER                   holds FOLDER until its standard input ends
"""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import signal
import subprocess  # noqa: F401 - before msvcrt: it asks for it to know where it runs
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(sys.argv[1]).resolve()
_MISSING = {
    os: ("fork", "forkpty", "killpg", "setsid", "getuid", "geteuid", "getgid", "mkfifo", "sched_getaffinity", "nice"),
    signal: ("SIGKILL", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT", "alarm", "setitimer", "pthread_kill"),
}
_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")


def _open_files() -> Iterator[str]:
    """Files that this process has open or mapped."""
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the listing itself, closed by now
            continue
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        yield line.partition("/")[1] + line.partition("/")[2]


def _require_closed(path: Any, dir_fd: int | None = None) -> None:
    base = os.readlink(f"/proc/self/fd/{dir_fd}") if dir_fd is not None else os.getcwd()
    target = os.path.realpath(os.path.join(base, os.fsdecode(path)))
    for other in _open_files():
        below = other == target or other.startswith(f"{target}/")
        if below and os.path.isfile(other) and ROOT in Path(other).parents:
            raise PermissionError(errno.EACCES, f"{other} is being used by this process", os.fsdecode(path))


def _strict(plain: Callable[..., None], onto: bool = False) -> Callable[..., None]:
    """`plain` of one or two paths, refused when one is open; with `onto`, also when the second is there."""

    def guarded(*paths: Any, dir_fd: int | None = None, **others: Any) -> None:
        for path in paths:
            _require_closed(path, dir_fd)
        if onto and os.path.exists(paths[1]):
            raise FileExistsError(errno.EEXIST, "is there already", os.fsdecode(paths[1]))
        plain(*paths, **others, **({} if dir_fd is None else {"dir_fd": dir_fd}))

    return guarded


def _locking(number: int, mode: int, count: int) -> None:
    """msvcrt's, from where the file stands. On Windows others cannot read what is locked: it must be past the text."""
    position = os.lseek(number, 0, os.SEEK_CUR)
    assert mode == _msvcrt.LK_NBLCK
    assert position >= 1 << 16, "others could not read who holds the lock"
    fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, count, position)


_msvcrt: Any = types.ModuleType("msvcrt")
_msvcrt.LK_NBLCK, _msvcrt.locking = 2, _locking

if not hasattr(os, "windows_like"):  # once, also in workers, which begin by importing this file
    os.windows_like = True  # type: ignore[attr-defined]
    os.unlink = os.remove = _strict(os.unlink)  # type: ignore[assignment]
    os.replace, os.rename = _strict(os.replace), _strict(os.rename, onto=True)
    for module, names in _MISSING.items():
        for name in names:
            delattr(module, name)
    for name in _MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    sys.modules["msvcrt"] = _msvcrt
    multiprocessing.set_start_method("spawn", force=True)


def _require_strictness() -> None:
    """The play itself works: an open file stays where it is."""
    file, other = Path("open.txt"), Path("other.txt")
    other.touch()
    with file.open("w", encoding="utf-8"):
        for act in (lambda: other.replace(file), lambda: file.rename("away.txt"), file.unlink):
            try:
                act()
            except PermissionError:
                continue
            raise AssertionError("an open file was moved, replaced or removed")
    other.replace(file)
    file.unlink()


def _run(commands: list[list[str]]) -> None:
    from clab_lite.cli import main

    _require_strictness()
    for words in commands:
        status = main(words)
        assert status == 0, f"{words}: {status}"


def _hold() -> None:
    from clab_lite.training.folder_lock import hold

    with hold(ROOT):
        print("held", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        listed = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
        os.chdir(ROOT)
        _run(listed)
    else:
        _hold()
