"""Folders that may not be written and files that may not be read, by permission."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from trials.faults.child import run
from trials.faults.judge import Tried, answer_of, try_under, unclear
from trials.faults.kills import Scene, lost_or_half, second_try

_OVERRIDING = 0b1110
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: with them, permissions bind nobody."""


def obey_permissions() -> None:
    """In a child: give up what lets root write and read everything (Linux). Other users have nothing to give up."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~_OVERRIDING  # the effective ones; 1: permitted, 2: inheritable
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def output_not_allowed(scene: Scene) -> Tried:
    """Neither the folder to write nor the one that it lies in may be written."""
    tried, out = Tried(), scene.place / scene.command.out
    folders = lambda: [scene.place, *([out, *_folders(out)] if out.is_dir() else [out.parent])]  # noqa: E731
    try_under(
        scene, "output without permission", tried, lambda: _forbid(folders()), lambda: _allow(folders()),
        meddle=obey_permissions, must_end=True,
    )  # fmt: skip
    return tried


def dataset_not_writable(scene: Scene) -> Tried:
    """The dataset may only be read: its index goes to the user's cache folder, and the result is the same."""
    tried, data = Tried(), scene.place / "data"
    folders = lambda: [data, *_folders(data)]  # noqa: E731
    try_under(
        scene, "read-only dataset", tried, lambda: _forbid(folders()), lambda: _allow(folders()),
        meddle=obey_permissions, must_end=False,
    )  # fmt: skip
    return tried


def input_not_readable(scene: Scene) -> Tried:
    """Each kind of input that the command has, one after the other, may not be read."""
    tried = Tried()
    for pattern in scene.command.inputs:
        files = sorted(scene.reset().glob(pattern))
        mode = files[0].stat().st_mode
        for file in files:
            file.chmod(0)
        ended = run(scene.command.words, scene.place, obey_permissions)
        for file in files:
            file.chmod(mode)
        named = any(file.relative_to(scene.place).as_posix() in ended.said for file in files)
        wrong = [] if named else [f"none is named: {ended.said[-500:]}"]
        # A check is there to name what cannot be read: that is its answer.
        wrong += [] if scene.command.name == "check" and ended.status == 1 else unclear(ended)
        wrong += lost_or_half(scene) if scene.command.name != "check" else []
        wrong += [f"status {ended.status}"] if ended.status == 0 else []
        tried.add(f"{scene.command.name}, unreadable {pattern}", answer_of(ended), wrong + second_try(scene))
    return tried


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir()]


def _forbid(folders: Iterable[Path]) -> None:
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)


def _allow(folders: Iterable[Path]) -> None:
    for folder in folders:
        folder.chmod(stat.S_IRWXU)
