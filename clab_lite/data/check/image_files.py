"""Image files looked at without decoding them: header, end, size in pixels, and a mark of their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.images import read_image_size
from clab_lite.errors import DataError

_TAIL_BYTES = 1024
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND"

Image = tuple[Path, tuple[int, int] | None]
"""A file, and (width, height) in pixels as its annotation says; None where that is not known."""


def check_images(images: Sequence[Image]) -> tuple[list[str], NDArray[np.uint64]]:
    """One line per image whose header cannot be read, whose end is missing, or whose size is not the annotation's.

    Also (N,) a mark of each file's content: equal files have equal marks, 0 stands for a file that cannot be read.
    """
    problems: list[str] = []
    marks = np.zeros(len(images), np.uint64)
    for position, (file, size) in enumerate(images):
        try:
            found = read_image_size(file)
            tail, byte_count = _tail(file)
        except DataError as error:
            problems.append(str(error))
            continue
        except OSError as error:
            problem = f"the image cannot be read ({error.strerror})"
            problems.append(str(DataError.at(file, "", problem, "Check its permissions.")))
            continue
        marks[position] = _mark(tail, byte_count)
        if _JPEG_END not in tail and _PNG_END not in tail:
            problem, remedy = "the image is truncated (no end marker)", "Restore the file from the dataset."
            problems.append(str(DataError.at(file, "", problem, remedy)))
        elif size is not None and found != size:
            sizes = f"{found[0]} x {found[1]} pixels, its annotation says {size[0]} x {size[1]}"
            remedy = "Restore the file, or correct the size in the annotation."
            problems.append(str(DataError.at(file, "", sizes, remedy)))
    return problems, marks


def stamp(words: Iterable[object], paths: Iterable[Path]) -> str:
    """A digest of some words, and of the name, size and time of each file (of all files in a folder)."""
    digest = hashlib.blake2b(repr(list(words)).encode(), digest_size=16)
    for path in paths:
        digest.update(f"{path.name}\n".encode("utf-8", "surrogatepass"))
        for name, size, changed in sorted(_files(path)):
            digest.update(f"{name}\t{size}\t{changed}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _files(path: Path) -> list[tuple[str, int, int]]:
    try:
        if not path.is_dir():
            status = path.stat()
            return [("", status.st_size, status.st_mtime_ns)]
        with os.scandir(path) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except (OSError, ValueError):
        return [("cannot be read", 0, 0)]
    return [(name, status.st_size, status.st_mtime_ns) for name, status in found]


def _tail(file: Path) -> tuple[bytes, int]:
    with file.open("rb") as stream:
        byte_count = stream.seek(0, os.SEEK_END)
        stream.seek(max(byte_count - _TAIL_BYTES, 0))
        return stream.read(), byte_count


def _mark(tail: bytes, byte_count: int) -> int:
    """The end of a compressed picture depends on all of it: with the length, it is as good as unique, and cheap."""
    digest = hashlib.blake2b(tail + byte_count.to_bytes(8, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
