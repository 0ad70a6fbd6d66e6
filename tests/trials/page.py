"""Tables that the trials write into pages, each between its own two marks."""

from __future__ import annotations

import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROBUSTNESS = ROOT / "docs" / "robustness.md"


def write_section(name: str, text: str, page: Path = ROBUSTNESS) -> None:
    """Replace what stands between the marks of `name`.

    Raises:
        ValueError: the page lacks one of the marks.
    """
    begin, end = f"<!-- {name}: written by make {name} -->", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8")
    head, found, rest = content.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page}: the marks of {name!r} are missing. Put '{begin}' and '{end}' where it belongs.")
    page.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8", newline="\n")


def measured_on() -> str:
    """A line that says when and with what, for below a table."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    return f"Python {platform.python_version()}, {packages}, {platform.system()}; {date.today().isoformat()}."
