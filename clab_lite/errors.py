"""The one error type for bad input: it says what was found, where, and what to do. One for numbers that are not finite.
And the one type of warning."""

from __future__ import annotations

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


class NotFinite(RuntimeError):
    """A network computed infinity or "not a number". The message says where, and with what."""


class Notice(UserWarning):
    """Work goes on, but not quite as was asked for: what was done instead. Lessons show it, and no other warning."""
