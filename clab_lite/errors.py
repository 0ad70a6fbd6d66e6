"""The one error type for bad input: it says what was found, where, and what to do. One for numbers that are not finite.
And the one type of warning."""

from __future__ import annotations

import errno
import unicodedata
from pathlib import Path

LONGEST = 1_900
"""Characters of a message; of a longer one the middle is left out."""


class DataError(ValueError):
    """Input that cannot be used: a file, a record or an option.

    The message always holds the offending value, its place and the remedy, so that a person can act on it. What a
    terminal would obey instead of show is written as an escape: names and values may come from strangers.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shortened("\n".join(map(escaped, message.split("\n"))), LONGEST))

    @classmethod
    def at(cls, path: str | Path, record: str, problem: str, remedy: str) -> DataError:
        """Build the error for one record of one file.

        Args:
            path: the file (or folder) that was read.
            record: where in it, for example ``"object 2"`` or ``"line 17"``; empty when the whole file is meant.
            problem: what was found, with the value.
            remedy: what the reader can do about it.
        """
        parts = (escaped(str(path)), shortened(escaped(record), 300), shortened(escaped(problem), 1_000))
        place = f"{parts[0]}, {parts[1]}" if record else parts[0]
        return cls(f"{place}: {parts[2]}. {remedy}")


class NotFinite(RuntimeError):
    """A network computed infinity or "not a number". The message says where, and with what."""


class OtherProcessFailed(DataError):
    """Another process of the group has failed, so this one ends too. That process raises, and says, why."""

    def __init__(self, process: int, message: str, errno: int | None = None) -> None:
        """process: its number. message: of its error. errno: of the operating system's error, if it was one."""
        super().__init__(f"process {process} failed: {message}")
        self.process, self.errno = process, errno


class Notice(UserWarning):
    """Work goes on, but not quite as was asked for: what was done instead. Lessons show it, and no other warning."""


def escaped(text: str) -> str:
    """The text with everything that has no shape of its own written as an escape: "a\\x1b[2J"."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and its end with the number of characters between them."""
    if len(text) <= longest:
        return text
    half = longest // 2 - 20
    return f"{text[:half]}... ({len(text) - 2 * half:,} more) ...{text[-half:]}"


def is_plain(text: str) -> bool:
    """Whether a name can be shown and written: no control character (a line break is one), no half of a character."""
    return text.isprintable() or all(unicodedata.category(c) not in ("Cc", "Cs") for c in text)


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
