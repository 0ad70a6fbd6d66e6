"""The version that every kind of file of ours carries: older ones are read, newer ones refused."""

from __future__ import annotations

import reprlib
from pathlib import Path

from clab_lite.errors import DataError

KEY = "format"
"""What the entry is called in every file."""
_FIRST = 1
"""Files of before there was such an entry have this version."""


def require_format(found: object, newest: int, path: str | Path) -> None:
    """Raise DataError unless a file has a version that this clab-lite reads.

    Args:
        found: the file's entry: a whole number, or its digits where a file holds texts alone; None without one.
        newest: version that this clab-lite writes.
        path: the file.
    """
    version = _FIRST if found is None else found
    if isinstance(version, str) and version.isdecimal() and len(version) < 10:
        version = int(version)
    if type(version) is not int or not _FIRST <= version <= newest:
        problem = f"has format {reprlib.repr(version)}, this clab-lite reads up to {newest}"
        raise DataError.at(path, "", problem, "Install a newer clab-lite, or use another copy.")
