"""Read one file of a dataset whole: an image, an annotation, a list, a json.

Only regular files are opened. A pipe would wait for ever and a device never end.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

from clab_lite.errors import DataError

_RESTORE = "Restore the file from the dataset."


def require_file(path: Path, title: str, max_bytes: int | None = None, remedy: str = _RESTORE) -> None:
    """Raise a DataError unless this is a regular file (or a link to one) of a sane size.

    Args:
        path: the file.
        title: what it is, for the message: "the image".
        max_bytes: larger files are refused; None: any size.
        remedy: what to do when it is not.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise DataError.at(path, "", f"{title} cannot be read ({reason})", remedy) from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError.at(path, "", f"{title} cannot be read (not a regular file)", remedy)
    if max_bytes is not None and status.st_size > max_bytes:
        raise DataError.at(path, "", f"{title} is larger than {max_bytes:,} bytes", remedy)


def read_source(path: Path, title: str, max_bytes: int | None = None, remedy: str = _RESTORE) -> bytes:
    """The content of a file that passes `require_file`; the arguments are the same."""
    require_file(path, title, max_bytes, remedy)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError.at(path, "", f"{title} cannot be read ({error.strerror})", remedy) from error


def read_json(path: Path, remedy: str) -> object:
    """The content of a json file.

    Raises:
        DataError: it cannot be read, is not UTF-8 JSON, or is nested too deeply.
    """
    content = read_source(path, "it", remedy=remedy)
    try:
        return json.loads(content.decode("utf-8-sig"))  # some editors begin a file with a mark
    except ValueError as error:
        raise DataError.at(path, "", f"it is not JSON: {error}", remedy) from error
    except RecursionError as error:
        raise DataError.at(path, "", "it is nested too deeply", remedy) from error


def leaves_folder(name: str) -> bool:
    """True for a file name that could lead out of the folder it is meant to start from (or cannot be a name)."""
    parts = name.replace("\\", "/").split("/")
    if all(part in ("", ".") for part in parts):  # the folder itself
        return True
    return parts[0] == "" or parts[0][1:2] == ":" or ".." in parts or "\0" in name  # "C:" is a Windows drive
