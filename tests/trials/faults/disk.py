"""A disk that is full after so many bytes, or may not be written: a small one in memory. Needs the right to mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from trials.faults.child import run
from trials.faults.judge import Tried, try_under
from trials.faults.kills import Scene, on_writes

_MEGABYTES = 48
_PAGE = 4096


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own in `folder`, for the block.

    Raises:
        PermissionError: this process may not mount.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={_MEGABYTES}m", "tmpfs", str(folder)]
    try:
        subprocess.run(["mount", *options], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PermissionError(f"mount is not permitted here ({error})") from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def disk_full(scene: Scene, disk: Path, sizes: int) -> Tried:
    """Run a command with as much room as it has taken before one of its writes: that one, or the next, finds none.

    sizes: how many of its writes, evenly chosen, the first among them.
    """
    scene, tried = replace(scene, place=disk / "place"), Tried()
    scene.reset()
    before, log, filler = _free(disk), disk.with_name("free"), disk / "filler"
    run(scene.command.words, scene.place, partial(on_writes, scene.place, partial(_note_free, log, disk)))
    taken = sorted({max(before - int(free), 0) for free in log.read_text().split()})
    chosen = {taken[int(number * len(taken) / sizes)] for number in range(sizes)} | {0}
    for room in sorted(chosen):
        fill = partial(_fill, filler, disk, room)
        try_under(scene, f"{room} bytes free of {taken[-1]}", tried, fill, partial(filler.unlink, missing_ok=True))
    return tried


def _note_free(log: Path, disk: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{_free(disk)}\n".encode())
    os.close(descriptor)


def read_only_disk(scene: Scene, disk: Path) -> Tried:
    """The whole file system may be read only."""
    scene, tried = replace(scene, place=disk / "place"), Tried()
    try_under(
        scene, "read-only disk", tried, partial(_remount, disk, "ro"), partial(_remount, disk, "rw"), must_end=True
    )
    return tried


def _free(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def _fill(filler: Path, disk: Path, room: int) -> None:
    with filler.open("wb") as file:
        while (size := (_free(disk) - room) // _PAGE * _PAGE) > 0:
            file.write(bytes(min(size, 1 << 20)))
            file.flush()


def _remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True, capture_output=True)
