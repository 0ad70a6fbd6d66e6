"""What was tried with one reader, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """The counts of one target."""

    name: str
    tried: int = 0
    read: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    """What went wrong, and the input that did it."""
    places: set[str] = field(default_factory=set)
    """The lines of code that refused something."""
    slowest: float = 0.0
    """Seconds of computing for one input."""
    growth: float = math.nan
    """MB that the process grew by at most; NaN where the system does not tell."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, which travel from a worker to the one who prints."""
        return {**asdict(self), "places": sorted(self.places)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Tally:
        """The inverse of `to_dict`."""
        return cls(**{**values, "places": set(values["places"])})

    def add(self, other: Tally) -> None:
        """Count another run of the same target in."""
        self.tried += other.tried
        self.read += other.read
        self.refused += other.refused
        self.crashes += other.crashes
        self.places |= other.places
        self.slowest = max(self.slowest, other.slowest)
        self.growth = max([x for x in (self.growth, other.growth) if not math.isnan(x)], default=math.nan)


def joined(tallies: Iterable[Tally]) -> list[Tally]:
    """One tally per name, in the order they first come."""
    found: dict[str, Tally] = {}
    for tally in tallies:
        found.setdefault(tally.name, Tally(tally.name)).add(tally)
    return list(found.values())


_HEADINGS = ("reader of", "inputs", "read", "refused", "by lines", "crashes", "slowest", "memory")


def rows(tallies: Iterable[Tally]) -> list[tuple[str, ...]]:
    """The table as text, headings first, the sum last."""
    tallies = list(tallies)
    total = Tally("all")
    for tally in tallies:
        total.add(tally)
    table = [_HEADINGS]
    for tally in (*tallies, total):
        counts = (tally.tried, tally.read, tally.refused, len(tally.places), len(tally.crashes))
        memory = "not told" if math.isnan(tally.growth) else f"+{tally.growth:,.0f} MB"
        table.append((tally.name, *(f"{count:,}" for count in counts), f"{tally.slowest * 1000:,.0f} ms", memory))
    return table


def markdown(table: list[tuple[str, ...]]) -> str:
    """For a page."""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(table[0]) - 1), *lines[1:]])


def plain(table: list[tuple[str, ...]]) -> str:
    """For a terminal."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        row[0].ljust(widths[0]) + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in table
    )
