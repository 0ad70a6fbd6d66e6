"""A folder of results that are replaced together, and never mixed with files of anyone else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from itertools import count as numbers
from pathlib import Path

from clab_lite.data.source_file import leaves_folder, read_json
from clab_lite.errors import DataError, is_plain
from clab_lite.files import try_folder, write_json

DETECTIONS = "detections.jsonl"
SUMMARY = "summary.json"
_INCOMPLETE = "detections.incomplete"
_STAGING = ".results"
_RESERVE, _RESERVE_BYTES = ".reserve", 1 << 16
"""Taken at the start and freed for summary.json: a disk that became full must not lose what was done."""
_FILES = "files"


class ResultFolder:
    """New results are made in a hidden folder inside; `keep` moves them to their places in one go.

    For one process at a time: whoever makes one holds the folder's lock.
    """

    def __init__(self, folder: Path, planned: Iterable[str]) -> None:
        """
        Args:
            folder: passes `require_results`. The lines that a killed process left are moved to
                detections.incomplete.jsonl, and `rescued` says so.
            planned: names, relative to the folder, that may be written.

        Raises:
            DataError: a planned file is there and is not from earlier results; or other files, and no results.
        """
        self.folder, self.staging = folder, folder / _STAGING
        self._earlier = _listed(folder)
        taken = [name for name in planned if (folder / name).exists() and name not in self._earlier]
        if taken:
            raise _not_ours(folder / taken[0])
        try:
            self.rescued = self._rescue()
            self._earlier_complete = _is_complete(folder / SUMMARY)
            self.staging.mkdir()
            (self.staging / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
        except OSError as error:
            self.discard()
            raise self.cannot_write(error) from error

    def keep(self, summary: dict) -> Path:
        """Replace the earlier results by what was made; summary.json, with the list of files, comes last.

        From the moment its hidden copy is written, a process that is killed has decided: the next one goes on with the
        replacing.

        Args:
            summary: for summary.json. With "complete" false, complete earlier results stay: a second try that
                ended early must not cost them. Only the new lines are kept, as those of a killed process are.

        Returns:
            The path of summary.json; or that of the lines that were kept beside complete results.

        Raises:
            DataError: the folder cannot be written any more, or somebody removed it.
        """
        try:
            (self.staging / _RESERVE).unlink()
            if self._earlier_complete and not summary.get("complete", True):
                return self._set_aside()
            paths = (path for path in self.staging.rglob("*") if path.is_file())
            made = sorted(path.relative_to(self.staging).as_posix() for path in paths)
            write_json(self.staging / SUMMARY, {**summary, _FILES: made})
            self._replace_earlier()
        except OSError as error:
            raise self.cannot_write(error) from error
        return self.folder / SUMMARY

    def _replace_earlier(self) -> None:
        """Put what the hidden summary lists into place, and the summary last. May be begun again at any point."""
        made = _names_in(self.staging / SUMMARY)
        for name in self._earlier - {*made, SUMMARY}:
            (self.folder / name).unlink(missing_ok=True)
        for name in sorted(made):
            (self.folder / name).parent.mkdir(exist_ok=True)
            if (self.staging / name).exists():
                os.replace(self.staging / name, self.folder / name)
        emptied = {self.folder / Path(name).parent for name in self._earlier} - {self.folder}
        for place in emptied:
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
        os.replace(self.staging / SUMMARY, self.folder / SUMMARY)

    def discard(self) -> None:
        """Remove the hidden folder with what was not kept."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def cannot_write(self, error: OSError, kept: str = "") -> DataError:
        """The error for a person: it names the folder, not what is hidden in it."""
        problem = f"could not be written ({error.strerror or error}){kept and f'; {kept}'}"
        return DataError.at(self.folder, "", problem, "Make room or correct the permissions, then detect again.")

    def _rescue(self) -> str | None:
        """Keep what a killed process left in its hidden folder, which goes; say where it is.

        Results that were being put into place are put there. Of others, the whole lines are kept.
        """
        said, left = None, self.staging / DETECTIONS
        if (self.staging / SUMMARY).is_file():
            self._replace_earlier()
            self._earlier = _listed(self.folder)
            said = f"{self.folder} holds the results of a detection that was killed at its end"
        elif count := _without_rest(left):
            kept = f"holds the {count} frames that a killed detection had finished"
            said = f"{self._set_aside()} {kept}; this one begins anew"
        self.discard()
        return said

    def _set_aside(self) -> Path:
        """Move the lines of an incomplete detection to a name that is free; where they are then."""
        names = (f"{_INCOMPLETE}{f'.{number}' if number > 1 else ''}.jsonl" for number in numbers(1))
        path = next(self.folder / name for name in names if not (self.folder / name).exists())
        os.replace(self.staging / DETECTIONS, path)
        return path


def _without_rest(file: Path) -> int:
    """Cut off a last line that is not whole; the number of lines that stay."""
    if not file.is_file():
        return 0
    count = length = 0
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                count, length = count + 1, length + len(line)
    os.truncate(file, length)
    return count


def require_results(folder: Path) -> None:
    """Make the folder and try to write in it. DataError unless it is new, empty, or holds earlier results."""
    try_folder(folder)
    _listed(folder)


def _listed(folder: Path) -> set[str]:
    """Names of earlier results, summary.json among them; none of them when the folder is new.

    Where a process was killed while it put results into place, also the names of those.
    """
    summaries = [path for path in (folder / SUMMARY, folder / _STAGING / SUMMARY) if path.exists()]
    if not summaries:
        others = [other for other in sorted(folder.iterdir()) if not other.name.startswith((".", f"{_INCOMPLETE}."))]
        if others:
            raise _not_ours(others[0])
        return set()
    return set().union(*map(_names_in, summaries)) | {SUMMARY}


def _is_complete(summary: Path) -> bool:
    """Whether earlier results are there and of every frame."""
    content = read_json(summary, "") if summary.exists() else None
    return isinstance(content, dict) and content.get("complete") is True


def _names_in(summary: Path) -> set[str]:
    """The files that a summary lists."""
    try:
        content = read_json(summary, "")
    except DataError as error:
        raise _not_ours(summary) from error
    names = content.get(_FILES) if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and _is_inside(name) for name in names):
        raise _not_ours(summary)
    return set(names)


def _not_ours(path: Path) -> DataError:
    problem = "is not from earlier detections and would be mixed with new ones"
    return DataError.at(path, "", problem, "Name another --out.")


def _is_inside(name: str) -> bool:
    """Whether a listed name stays inside the folder: what is listed gets removed."""
    return bool(name) and is_plain(name) and not leaves_folder(name)
