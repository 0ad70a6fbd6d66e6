"""The one error type for bad input: it says what was found, where, and what to do. And the one type of warning."""

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


class OtherProcessFailed(DataError):
    """Another process of the group has failed, so this one ends too. That process raises, and says, why."""

    def __init__(self, process: int, message: str, errno: int | None = None) -> None:
        """process: its number. message: of its error. errno: of the operating system's error, if it was one."""
        super().__init__(f"process {process} failed: {message}")
        self.process, self.errno = process, errno


class Notice(UserWarning):
    """Work goes on, but not quite as was asked for: what was done instead. Lessons show it, and no other warning."""
