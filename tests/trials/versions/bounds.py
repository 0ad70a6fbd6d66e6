"""Which versions to install: the bounds of pyproject.toml, read and never typed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

OLDEST, NEWEST, LOWEST = "oldest", "newest", "lowest"
MEANS = {
    NEWEST: "newest of everything",
    OLDEST: "oldest torch and torchvision, newest of the rest",
    LOWEST: "oldest of everything",
}
PYTHONS = ("3.11", "3.12", "3.13")
CELLS = tuple((python, choice) for python in PYTHONS for choice in MEANS if choice != LOWEST or python == PYTHONS[0])
"""What is tried. The oldest of everything exists for the oldest Python only: few published it for a later one."""
_PAIR = ("torch", "torchvision")


def constraints(choice: str, pyproject: Path) -> list[str]:
    """Lines of a constraints file for pip. `newest` has none: pip takes the newest that it is offered."""
    if choice == NEWEST:
        return []
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    bounds = _bounds([*project["dependencies"], *project["optional-dependencies"]["test"]])
    return [f"{name}=={bound}" for name, bound in bounds.items() if choice == LOWEST or name in _PAIR]


def _bounds(requirements: Sequence[str]) -> dict[str, str]:
    found = {}
    for line in requirements:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([\d.]+)", line)
        if match is None:
            raise ValueError(f"{line!r} is no lower bound alone")
        found[match[1]] = match[2]
    return found
