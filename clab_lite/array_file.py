"""Arrays in files and bytes (npz): numbers only, no code is ever run, and no more is unpacked than a file may hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = "biuf"
"""Truth values, whole numbers, floats."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of an npz file with these arrays, for a file, or for another process of ours."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays that `packed` was given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)


def read_arrays(
    path: Path, names: Collection[str] | None = None, max_bytes: int | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file by their names.

    Args:
        path: the file.
        names: those that are wanted; None: all.
        max_bytes: a file that unpacks to more is refused unread; None: to more than its own size, as files do that
            `numpy.savez` packed with compression.

    Raises:
        ValueError: it would unpack to more, holds code or text, or is damaged. Damaged files also raise nearly every
            other kind of exception: zip, zlib and numpy have their own.
    """
    if not path.is_file():  # a pipe would keep the reader waiting
        raise FileNotFoundError(f"{path} is no file")
    with zipfile.ZipFile(path) as archive:
        held = sum(member.file_size for member in archive.infolist())
    most = path.stat().st_size if max_bytes is None else max_bytes
    if held > most:
        raise ValueError(f"would unpack to {held:,} bytes, more than {most:,}")
    with np.load(path, allow_pickle=False) as stored:
        found = {name: stored[name] for name in (stored.files if names is None else names)}
    for name, values in found.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in _KINDS:
            raise ValueError(f"{name} is not of numbers")
    return found
