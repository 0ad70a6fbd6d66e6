"""Files that are never seen half written: written beside their place, then renamed onto it."""

from __future__ import annotations

import io
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clab_lite.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

_ABANDONED = 3600.0
"""Seconds since the last write after which a temporary file is a killed process's: none of a living one rests so."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for the block to write; its folder is made.

    When the block succeeds, the file is on the disk and has become `path`; when it fails, it is removed and `path` is
    what it was; an OSError of the system then names `path`. The temporary name is new each time: processes, also of
    several machines, do not meet in it. What killed ones left of `path` long ago is removed.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_parts(path.parent, [path.name], older_than=_ABANDONED)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            yield beside
            with beside.open("r+b") as file:  # to fsync, Windows wants a file that may be written
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            with suppress(OSError):  # the folder is gone, or may not be written any more: that was told
                beside.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An OSError of the block names `path`, unless it names another place that a person knows.

    A full disk names none, and a hidden file says nothing to anyone.
    """
    try:
        yield
    except OSError as error:
        own, named = os.path.abspath(path), error.filename
        beside = named is None or os.path.dirname(os.path.abspath(os.fsdecode(named))) in (own, os.path.dirname(own))
        if error.errno is not None and beside:
            error.filename, error.filename2 = os.fspath(path), None
        raise


def followed(path: str | os.PathLike[str]) -> Path:
    """The path, absolute and without links; it need not exist.

    Raises:
        DataError: a link in it leads back to itself. (`Path.resolve` raises RuntimeError, from Python 3.13 on nothing.)
    """
    place = Path(os.path.realpath(path))
    if any(os.path.islink(part) for part in (place, *place.parents)):
        problem = "cannot be followed: a symbolic link that leads back to itself"
        raise DataError.at(os.fspath(path), "", problem, "Name another place.")
    return place


def try_folder(folder: Path) -> None:
    """Make the folder and a file in it that is gone at once: OSError now, not after an hour of work."""
    if folder.exists() and not folder.is_dir():
        raise DataError.at(folder, "", "is a file, not a folder to write to", "Name another folder.")
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def remove_parts(folder: Path, names: Sequence[str] | None = None, *, older_than: float | None = None) -> None:
    """Remove what killed processes left of their temporary files. Only while nobody else writes there.

    Args:
        folder: where to look.
        names: of the files to be; None is any.
        older_than: seconds since they were last written; None is any time. Then others may write there.
    """
    # Eight digits, not "*": while "clab" is being made, somebody else may be writing "clab.json".
    patterns = [".*.part"] if names is None else [f".{escape(name)}.????????.part" for name in names]
    for file in (file for pattern in patterns for file in folder.glob(pattern)):
        with suppress(FileNotFoundError):
            if file.is_file() and (older_than is None or time.time() - file.stat().st_mtime > older_than):
                file.unlink()


def write_text(path: Path, text: str) -> None:
    """Save as UTF-8 with Unix line ends, whole or not at all. Parts of paths that are not UTF-8 are written escaped."""
    with replaced(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_picture(path: Path, picture: Image.Image, kind: str, **options: Any) -> None:
    """Encode a picture, then write it. Given a path, Pillow overlooks that a full disk takes only a part of the last
    block (its `encode_to_file` takes any count but an error for success), and a cut picture passes for a whole one."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    path.write_bytes(buffer.getvalue())


def write_json(path: Path, content: object) -> None:
    """Save as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")
