"""Files that are never seen half written: written beside their place, then renamed onto it."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clab_lite.errors import DataError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for the block to write; its folder is made.

    When the block succeeds, the file is on the disk and has become `path`; when it fails, it is removed and `path` is
    what it was. The temporary name is new each time: processes, also of several machines, do not meet in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield beside
        with beside.open("r+b") as file:  # to fsync, Windows wants a file that may be written
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def try_folder(folder: Path) -> None:
    """Make the folder and a file in it that is gone at once: OSError now, not after an hour of work."""
    if folder.exists() and not folder.is_dir():
        raise DataError.at(folder, "", "is a file, not a folder to write to", "Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def remove_parts(folder: Path) -> None:
    """Remove what killed processes left of their temporary files. Only while nobody else writes there."""
    for file in folder.glob(".*.part"):
        if file.is_file():
            file.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Save as UTF-8 with Unix line ends, whole or not at all. Parts of paths that are not UTF-8 are written escaped."""
    with replaced(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, content: object) -> None:
    """Save as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")
