"""The training log: one JSON object per line for programs, TensorBoard events for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

from clab_lite.errors import DataError
from clab_lite.files import naming, write_text
from clab_lite.training.events import Events
from clab_lite.training.run_folder import LOG, TENSORBOARD

_SCALARS = ("learning_rate", "contrast_weight", "gradient_norm")
_OTHERS = ("progress", "contrast_chance", "seconds")


class RunLog:
    """Appends rows to `log.jsonl` and to TensorBoard.

    Opening it at iteration k drops every later row, so that a resumed run leaves the log of an uninterrupted
    one. Without `writes` (every process but the main one) it does nothing.
    """

    def __init__(self, folder: Path, start_iteration: int, writes: bool = True) -> None:
        self._file: TextIO | None = None
        if not writes:
            return
        self._path = path = folder / LOG
        kept = [row for row in read_log(path) if row["iteration"] <= start_iteration] if path.exists() else []
        with naming(path):
            write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
            self._file = path.open("a", encoding="utf-8")
            self._events = Events(folder / TENSORBOARD, start_iteration + 1)

    def write(self, row: dict[str, Any]) -> None:
        """Append one row; see `clab_lite.train` and `clab_lite.pretraining.loop` for its fields."""
        if self._file is None:
            return
        with naming(self._path):
            self._write(self._file, row)

    def _write(self, file: TextIO, row: dict[str, Any]) -> None:
        file.write(json.dumps(row) + "\n")
        file.flush()
        for name, value in row["losses"].items():
            self._events.add_scalar(f"loss/{name}", value, row["iteration"])
        for name in _SCALARS:
            if name in row:
                self._events.add_scalar(name, row[name], row["iteration"])
        if row.get("contrast_chance") is not None:
            self._events.add_scalar("loss/contrast_chance", row["contrast_chance"], row["iteration"])
        if "note" in row:
            self._events.add_text("note", row["note"], row["iteration"])
        self._events.flush()

    def sync(self) -> None:
        """Make the rows as durable as the checkpoint that follows."""
        if self._file is None:
            return
        with naming(self._path):
            os.fsync(self._file.fileno())
            self._events.flush()

    def close(self) -> None:
        """Close both files."""
        if self._file is None:
            return
        with naming(self._path):
            try:
                self._file.close()
            finally:
                self._events.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a `log.jsonl`. A last line cut short by a killed process is left out.

    Raises:
        DataError: the file is missing, or a line is no row; the message has its number.
    """
    if not path.is_file():
        raise DataError.at(path, "", "no such log", "Train first, or correct the path.")
    lines = path.read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            problem = _fault(row)
        except (ValueError, RecursionError) as error:  # of JSON or of UTF-8
            if number == len(lines):
                break
            problem = f"not JSON ({error})"
        if problem:
            raise DataError.at(path, f"line {number}", problem, "Remove the line.")
        rows.append(row)
    return rows


def _fault(row: Any) -> str:
    """In words, what is wrong with a row; empty when nothing is."""
    if not (isinstance(row, dict) and isinstance(row.get("iteration"), int) and isinstance(row.get("losses"), dict)):
        return "no row of a log: it has no iteration or no losses"
    if not 0 <= row["iteration"] < 2**63:
        return "no row of a log: its iteration is no count of steps"
    numbers = {**row["losses"], **{name: row[name] for name in (*_SCALARS, *_OTHERS) if row.get(name) is not None}}
    wrong = next((name for name, value in numbers.items() if not _is_number(value)), None)
    if wrong is not None or not isinstance(row.get("note", ""), str):
        return f"no row of a log: its {wrong or 'note'} is of another kind"
    return ""


def _is_number(value: Any) -> bool:
    """Also NaN, which a run that diverges may log."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)
