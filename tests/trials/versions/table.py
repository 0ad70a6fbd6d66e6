"""The table of the README. A row has its own date: what was not tried this time keeps the row of the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from trials.page import ROOT, write_section
from trials.versions.bounds import LOWEST, MEANS, NEWEST, OLDEST

README = ROOT / "README.md"
SECTION = "versions"
_HEAD = "| Python | installed | torch, torchvision, NumPy | tests | commands | a lesson | minutes | date |"
_ORDER = (NEWEST, OLDEST, LOWEST)
Key = tuple[str, str]
"""("3.12", "oldest")."""


@dataclass(frozen=True)
class Row:
    """The cells behind Python and what was installed."""

    packages: str
    tests: str = ""
    commands: str = ""
    lesson: str = ""
    minutes: str = ""
    day: str = ""

    @classmethod
    def nothing(cls, why: str) -> Row:
        """There is no such environment."""
        return cls(f"**{why.replace('|', '/')}**", day=date.today().isoformat())


def write(rows: Mapping[Key, Row], page: Path = README) -> None:
    """Put rows into the page; the others stay. A Python that is missing here does not replace what was measured."""
    known = read(page)
    merged = {**known, **{key: row for key, row in rows.items() if row.tests or key not in known}}
    lines = [_HEAD, "|---" * _HEAD.count(" | ") + "|---|"]
    for python, choice in sorted(merged, key=_place):
        row = merged[python, choice]
        cells = (python, MEANS[choice], row.packages, row.tests, row.commands, row.lesson, row.minutes, row.day)
        lines.append(f"| {' | '.join(cells)} |")
    write_section(SECTION, "\n".join(lines), page)


def read(page: Path = README) -> dict[Key, Row]:
    """The rows that are in the page."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"<!-- {SECTION}: ")
    section, _, _ = rest.partition(f"<!-- end of {SECTION} -->")
    choices = {text: choice for choice, text in MEANS.items()}
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 8 and cells[1] in choices:
            found[cells[0], choices[cells[1]]] = Row(*cells[2:])
    return found


def _place(key: Key) -> tuple[int, int]:
    return int(key[0].partition(".")[2]), _ORDER.index(key[1])
