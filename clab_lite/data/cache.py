"""Keep a built `IndexTable` on disk, so that a million XML files are parsed once.

`<dataset>/.clab_lite/<name>.npz` holds the table; when the dataset's folder cannot be written, the user's
cache folder (`$XDG_CACHE_HOME/clab_lite`, else `~/.cache/clab_lite`) does. The file carries a fingerprint
of what it was built from: list files (size, time), the folders of each video (time), and the time and size
of each XML file where there are few. A different fingerprint, another version, or a damaged file means:
build again. Files are written beside and renamed, so a reader never meets half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import numpy as np

from clab_lite.array_file import read_arrays
from clab_lite.data.table import IndexTable
from clab_lite.data.table_check import is_sound
from clab_lite.errors import Notice
from clab_lite.files import replaced, write_text

VERSION = 4
"""Raise when the meaning of a stored column changes."""

INDEX_FOLDER = ".clab_lite"
"""In the dataset's folder."""

_TEXT = ("class_names", "names", "file_names", "counts")
_COLUMNS = tuple(field.name for field in fields(IndexTable) if field.name not in _TEXT)


def fingerprint(options: str, paths: Iterable[Path], base: Path) -> str:
    """A digest of names, sizes and modification times (of folders the time only); missing paths count too."""
    digest = hashlib.sha256(os.fsencode(f"{VERSION}\n{options}\n"))
    for path in paths:
        name = os.path.relpath(path, base)
        try:
            status = path.stat()
        except OSError:
            digest.update(os.fsencode(f"{name}\tmissing\n"))
            continue
        size = 0 if path.is_dir() else status.st_size
        digest.update(os.fsencode(f"{name}\t{size}\t{status.st_mtime_ns}\n"))
    return digest.hexdigest()


def load(base: Path, name: str, expected: str) -> IndexTable | None:
    """The stored table with this fingerprint, or None when there is none or it cannot be used."""
    for path in places(base, f"{name}.npz"):
        try:
            table = _stored(path, expected)
        except Exception:  # a damaged file fails in as many ways as zip, numpy and json know: build again
            continue
        if table is not None:
            return table
    return None


def _stored(path: Path, expected: str) -> IndexTable | None:
    """The table in a file; None when it is of another state of the dataset, or cannot be used.

    It is not trusted: it travels with the dataset. Nothing in it is a pickle, or packed, and what does not fit together
    is not taken.
    """
    arrays = read_arrays(path, (*_COLUMNS, "text"))
    text = json.loads(arrays.pop("text").tobytes())
    if text["fingerprint"] != expected:
        return None
    table = _table(text, arrays)
    return table if is_sound(table) else None


def save(base: Path, name: str, table: IndexTable, stamp: str) -> Path | None:
    """Store the table under its fingerprint; None (and a warning) when no place can be written."""
    text = {column: getattr(table, column) for column in _TEXT} | {"fingerprint": stamp}
    arrays = {column: getattr(table, column) for column in _COLUMNS}
    arrays["text"] = np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)
    problem: OSError | None = None
    for path in places(base, f"{name}.npz"):
        try:
            _write(path, arrays)
            return path
        except OSError as error:
            problem = error
    warnings.warn(
        f"the dataset index could not be stored ({problem}); it is built again next time", Notice, stacklevel=2
    )
    return None


def places(base: Path, file_name: str) -> list[Path]:
    """Where a file about the dataset in `base` may lie, best first: beside the dataset, in the user's cache folder."""
    beside = base / INDEX_FOLDER / file_name
    try:
        cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # no $HOME, and a user that the system does not know
        return [beside]
    owner = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:16]  # a path need not be UTF-8
    return [beside, cache_home / "clab_lite" / f"{owner}_{file_name}"]


def make_folder(folder: Path) -> None:
    """Make the folder of a file about a dataset. One inside a repository must not carry such files along."""
    ignore = folder / ".gitignore"
    if not ignore.exists():  # a link that leads nowhere is replaced, not followed
        write_text(ignore, "*\n")


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    make_folder(path.parent)
    with replaced(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _table(text: dict, arrays: dict[str, np.ndarray]) -> IndexTable:
    return IndexTable(
        class_names=tuple(text["class_names"]),
        names=tuple(text["names"]),
        file_names=None if text["file_names"] is None else tuple(text["file_names"]),
        counts=text["counts"],
        **arrays,
    )
