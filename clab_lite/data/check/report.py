"""What a check has found: one line per finding, and the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clab_lite.errors import LONGEST, DataError, escaped, shortened

Level = Literal["OK", "WARN", "FAIL"]

SHOWN = 10
"""Bad records shown per finding; `CheckReport.full_text` names all of them."""

MORE = "more may follow"
"""Words of the lines, and of the verdict, when something could not be checked."""

_NORMAL = ("frames without objects", "frames that are not annotated", "groups (iscrowd)")
"""Counts that a sound dataset has too; the words they start with."""


@dataclass(frozen=True)
class CheckLine:
    """One finding."""

    level: Level
    text: str
    next_step: str = ""
    records: tuple[str, ...] = ()
    """The bad records it stands for."""

    def __str__(self) -> str:
        return self.shown(SHOWN)

    def shown(self, most: int) -> str:
        """The line, its next step, and up to so many of its bad records."""
        rows = [f"[{self.level}] {self.text}"]
        rows += [f"       next: {self.next_step}"] if self.next_step else []
        rows += [f"       - {record}" for record in self.records[:most]]
        if len(self.records) > most:
            rows.append(f"       - and {len(self.records) - most:,} more; --out FILE names all")
        return "\n".join(shortened(escaped(row), LONGEST) for row in "\n".join(rows).split("\n"))


@dataclass(frozen=True)
class CheckReport:
    """All findings, in the order they were made; the last one is the verdict."""

    lines: tuple[CheckLine, ...]

    @property
    def ok(self) -> bool:
        """True when nothing failed; warnings are allowed."""
        return worst(self.lines) != "FAIL"

    @property
    def verdict(self) -> CheckLine:
        """The worst level of all, in words, and what to do next."""
        return self.lines[-1]

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self.lines)

    def full_text(self) -> str:
        """The same with every bad record."""
        return "\n".join(line.shown(len(line.records)) for line in self.lines) + "\n"


def worst(lines: Sequence[CheckLine]) -> Level:
    """The worst level among the lines; OK when there are none."""
    levels = {line.level for line in lines}
    return "FAIL" if "FAIL" in levels else "WARN" if "WARN" in levels else "OK"


def count_lines(title: str, what: str, counts: Mapping[str, int], problems: Sequence[str]) -> list[CheckLine]:
    """The total of one part of a dataset, its bad records, and what was odd.

    Args:
        title: the part: "train".
        what: its size in words: "3 videos, 15 frames, 15 objects".
        counts: how often something odd was met, by its plain English name.
        problems: one line per bad record.
    """
    step = "Mend or restore what is named below." if problems else ""
    total = f"{title}: {what}, {plural(len(problems), 'bad record')}"
    lines = [CheckLine("FAIL" if problems else "OK", total, step, tuple(problems))]
    for name, count in sorted(counts.items()):
        if count:
            words = _singular(name) if count == 1 else name
            lines.append(CheckLine("OK" if name.startswith(_NORMAL) else "WARN", f"{title}: {count:,} {words}"))
    return lines


def failure(error: DataError, title: str = "") -> CheckLine:
    """The line for an error that ended a reader, with the error's last sentence as the next step."""
    problem, _, remedy = str(error).rpartition(". ")
    return CheckLine("FAIL", (f"{title}: " if title else "") + (problem or remedy), remedy if problem else "")


def not_checked(title: str, what: Sequence[str]) -> list[CheckLine]:
    """A line that names what could not be checked; none when there is nothing."""
    if not what:
        return []
    text = f"{title}: {MORE}, as not everything could be checked"
    return [CheckLine("WARN", text, records=tuple(f"not checked: {words}" for words in what))]


def without_objects(title: str, split: str) -> CheckLine:
    """The finding that not one object is annotated: nothing can be learnt from such a split, or measured on it."""
    step = "Add the objects of its frames: docs/your_data.md shows how they are written."
    if split == "val":
        return CheckLine("WARN", f"{title}: not one object, so AP is undefined", step)
    return CheckLine("FAIL", f"{title}: not one object to learn from", step)


def _singular(name: str) -> str:
    """The name of a count, for one: "boxes leaving the frame" -> "box leaving the frame"."""
    one = re.sub(r"\b(?:(box)es|(frame|object|group|image)s)\b", r"\1\2", name, count=1)
    return one.replace(" are ", " is ").replace(" their ", " its ")


def plural(count: int, noun: str, ending: str = "s") -> str:
    """1 video, 2 videos, 12,000 videos."""
    return f"{count:,} {noun}" + ("" if count == 1 else ending)
