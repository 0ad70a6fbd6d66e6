"""The one error type for bad input: it says what was found, where, and what to do. And the one type of warning."""

from __future__ import annotations

import errno
from pathlib import Path


class DataError(ValueError):
    """Input that cannot be used: a file, a record or an option.

    The message always holds the offending value, its place and the remedy, so that a person can act on it.
    """

    @classmethod
    def at(cls, path: str | Path, record: str, problem: str, remedy: str) -> DataError:
        """Build the error for one record of one file.

        Args:
            path: the file (or folder) that was read.
            record: where in it, for example ``"object 2"`` or ``"line 17"``; empty when the whole file is meant.
            problem: what was found, with the value.
            remedy: what the reader can do about it.
        """
        place = f"{path}, {record}" if record else f"{path}"
        return cls(f"{place}: {problem}. {remedy}")


class Notice(UserWarning):
    """Work goes on, but not quite as was asked for: what was done instead. Lessons show it, and no other warning."""


def remedy(error: OSError) -> str:
    """What a person can do about what the system refused; empty when there is nothing to say."""
    return _REMEDIES.get(error.errno or 0, "")


_NO_ROOM = "Make room on the disk, then run the command again."
_NOT_ALLOWED = "Correct the permissions, or name another place."
_NO_FOLDER = "A file or a broken link is where a folder is needed: name another place."
_REMEDIES = {
    errno.ENOSPC: _NO_ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _NO_ROOM,  # Windows has none
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ELOOP: _NO_FOLDER,
    errno.ENAMETOOLONG: "Name a shorter one.",
    errno.ENOENT: "Correct the path; if it was there a moment ago, run the command again.",
}
