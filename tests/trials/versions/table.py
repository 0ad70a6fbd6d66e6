"""The table of the README. A row has its own date: what was not tried this time keeps the row of the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trials.page import ROOT, write_section
from trials.versions.bounds import CELLS, MEANS

README = ROOT / "README.md"
SECTION = "versions"
_HEAD = "| Python | installed | torch, torchvision, NumPy | tests | commands | a lesson | minutes | date |"
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


def write(rows: Mapping[Key, Row], page: Path = README) -> None:
    """Put rows into the page; the others stay. What has no date, as nothing was tried, gives way to what has one."""
    untried = dict.fromkeys(CELLS, Row("**not tried yet**"))
    merged = {**untried, **rows}
    for dated in (read(page), rows):
        merged |= {key: row for key, row in dated.items() if row.day}
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
    return int(key[0].partition(".")[2]), list(MEANS).index(key[1])
