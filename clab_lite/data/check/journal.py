"""What a check has done so far, on disk: a second check, or one after an interruption, skips what has not changed.

`<dataset>/.clab_lite/check_<name>.jsonl`, or the same in the user's cache folder where the dataset cannot be written
(as `clab_lite.data.cache`). One line per part that was found in order, added when it is done; a line that a killed
process left unfinished is not read. Parts with a bad record are not kept: they are looked at again.
"""

from __future__ import annotations

import base64
import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import numpy as np

from clab_lite.data.cache import make_folder, places
from clab_lite.data.check.parts import PartResult
from clab_lite.data.json_fields import is_whole
from clab_lite.data.source_file import read_source
from clab_lite.errors import DataError, Notice
from clab_lite.files import write_text


class Journal:
    """The results of earlier checks by part, and a file that new ones are added to."""

    def __init__(self, base: Path, name: str, fresh: bool = False) -> None:
        """Read what is there.

        Args:
            base: the dataset's folder.
            name: tells the files of one folder apart.
            fresh: forget what earlier checks found.
        """
        self._lines: dict[str, str] = {}
        self._stamps: dict[str, tuple[str, int]] = {}
        self._used: set[str] = set()
        self._places = places(base, f"check_{name}.jsonl")
        self._file: TextIO | None = None
        if not fresh:
            for place in self._places:
                self._read(place)

    def stamp(self, key: str, images: int) -> str | None:
        """The stamp under which a part of at most so many images was found in order; None when it was not."""
        stamp, found = self._stamps.get(key, (None, 0))
        return stamp if found <= images else None

    def result(self, key: str) -> PartResult:
        """What was found of a part that has a stamp."""
        self._used.add(key)
        return _read_line(self._lines[key])[2]

    def add(self, key: str, stamp: str, result: PartResult) -> None:
        """Keep a result, unless it has problems."""
        self._lines.pop(key, None)
        if result.problems:
            return
        if self._file is None:  # writes what is known so far, without this result
            self._file = self._open()
        marks = base64.b64encode(result.marks.tobytes()).decode()
        row = {"key": key, "stamp": stamp, "frames": result.frames, "objects": result.objects}
        self._lines[key] = json.dumps({**row, "counts": result.counts, "marks": marks})
        self._used.add(key)
        try:
            if self._file is not None:
                self._file.write(self._lines[key] + "\n")
                self._file.flush()
        except OSError as error:  # a full disk must not end a check that only reads
            self._give_up(error)

    def close(self) -> None:
        """After a whole check: leave only the lines it used."""
        if self._file is None:
            return
        lines = "".join(f"{line}\n" for key, line in self._lines.items() if key in self._used)
        try:
            self._file.close()
            write_text(Path(self._file.name), lines)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """From now on nothing is kept; what was kept before stays."""
        said = f"not all that was found in order could be kept ({error.strerror}): the next check reads that again"
        warnings.warn(said, Notice, stacklevel=2)
        file, self._file, self._places = self._file, None, []
        if file is not None:
            with suppress(OSError):
                file.close()

    def _read(self, place: Path) -> None:
        try:
            text = read_source(place, "the journal").decode("utf-8", errors="replace")
        except DataError:
            return
        for line in text.splitlines():
            try:
                key, stamp, result = _read_line(line)
            except (ValueError, KeyError, TypeError, RecursionError):  # cut off, or not ours
                continue
            self._lines[key], self._stamps[key] = line, (stamp, len(result.marks))

    def _open(self) -> TextIO | None:
        """The first place that can be written, with what is known so far; None when there is none."""
        for place in self._places:
            try:
                make_folder(place.parent)
                write_text(place, "".join(f"{line}\n" for line in self._lines.values()))
                return place.open("a", encoding="utf-8")
            except OSError:
                continue
        return None


def _read_line(line: str) -> tuple[str, str, PartResult]:
    """(key, stamp, result) of one part. The file travels with the dataset, so nothing in it is taken on trust.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: it is none that `Journal.add` writes.
    """
    row = json.loads(line)
    key, stamp, frames, objects, counts = (row[name] for name in ("key", "stamp", "frames", "objects", "counts"))
    numbers = [frames, objects, *dict(counts).values()]
    marks = np.frombuffer(base64.b64decode(row["marks"], validate=True), np.uint64)
    texts = [key, stamp, *counts]
    if not (all(isinstance(text, str) for text in texts) and all(is_whole(n) and 0 <= n < 2**53 for n in numbers)):
        raise ValueError("not a line of a journal")
    return key, stamp, PartResult(frames, objects, [], counts, marks)
