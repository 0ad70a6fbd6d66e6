"""The table of docs/robustness.md: a line per part that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trials.health.meter import Look, read
from trials.health.parts import MOST_MB, PARTS, Part
from trials.health.slope import Slope, slope_of
from trials.page import measured_on

_HEAD = [
    "| what | done | memory at 10 %, 50 %, 100 % (MB) | slope (kB each) | foretold, at most | files | threads | else "
    "| verdict |",
    "|---|---|---|---|---|---|---|---|---|",
]
_EXTRA = {"tensors": "live tensors", "widgets": "widgets", "observers": "observers", "figures": "figures",
          "page_kb": "page (MB)", "nodes": "page nodes", "listeners": "page listeners"}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What the looks at a part say."""

    early: Look
    middle: Look
    last: Look
    """At 10 %, 50 % and 100 % of what was done."""
    slope: Slope
    """kB per unit, of all processes together, in the second half."""
    ahead_mb: float
    """Growth in `Part.ahead` more units, from the upper end of the slope's interval."""
    most: dict[str, float]
    """What else was counted, at most in the first half: a browser needs some turns to come to rest."""

    @property
    def faults(self) -> list[str]:
        """What is not as it should be; empty: healthy."""
        found = []
        if self.ahead_mb > MOST_MB:
            found.append("memory grows" if self.slope.lower > 0 else "not shown: memory goes up and down too much")
        if self.last.files > self.early.files:
            found.append("files stay open")
        if self.last.threads > self.early.threads:
            found.append("threads stay")
        counted = ("widgets", "observers", "explorers", "comms", "pyplot")
        grown = [name for name in counted if self.last.extra.get(name, 0) > self.most.get(name, 0)]
        return found + [f"{name} stay" for name in grown]


def found_in(looks: list[Look], part: Part) -> Found:
    """What the looks say."""
    end = looks[-1].at
    early, middle = (min(looks, key=lambda look: abs(look.at - share * end)) for share in (0.1, 0.5))
    half = [look for look in looks if look.at >= end / 2]
    slope = slope_of([look.at for look in half], [look.memory_kb + look.children_kb for look in half])
    most: dict[str, float] = {}
    for look in looks:
        if look.at <= end / 2:
            most |= {name: max(count, most.get(name, 0)) for name, count in look.extra.items()}
    return Found(early, middle, looks[-1], slope, max(slope.upper, 0.0) * part.ahead / 1024, most)


def table(folder: Path) -> str:
    """Of all parts whose looks lie in the folder."""
    lines = list(_HEAD)
    for name, part in PARTS.items():
        file = folder / f"{name}.jsonl"
        lines.append(_line(part, read(file)) if file.exists() else f"| {part.title} | not measured ||||||||")
    return "\n".join([*lines, "", _legend(), "", measured_on()])


def _line(part: Part, looks: list[Look]) -> str:
    found = found_in(looks, part)
    memory = ", ".join(f"{(one.memory_kb + one.children_kb) / 1024:.0f}"
                       for one in (found.early, found.middle, found.last))  # fmt: skip
    cells = [
        part.title,
        f"{found.last.at:,} {part.unit}",
        memory,
        f"{found.slope.value:+.2f} ± {found.slope.error:.2f}",
        f"{found.ahead_mb:.1f} MB in {part.ahead:,}",
        f"{found.early.files} → {found.last.files}",
        f"{found.early.threads} → {found.last.threads}",
        "; ".join(_extra(found)),
        "flat" if not found.faults else "**" + ", ".join(found.faults) + "**",
    ]
    return f"| {' | '.join(cells)} |"


def _extra(found: Found) -> list[str]:
    cells = []
    for name, title in _EXTRA.items():
        if name in found.early.extra and name in found.last.extra:
            early, last = (
                look.extra[name] / (1024 if name.endswith("_kb") else 1) for look in (found.early, found.last)
            )
            cells.append(f"{title} {early:.0f} → {last:.0f}")
    return cells


def _legend() -> str:
    return (
        "Each line is a process of its own; its memory is what is resident, with its workers' share. The slope is that "
        "of a straight line through the second half, ± its standard error, which allows for looks that follow each "
        "other. Foretold is the upper end of its 95 % interval times so many more: "
        f"flat means less than {MOST_MB} MB, no more files and threads at the end than after a tenth, and "
        "no more widgets, observers, explorers and comms than at most in the first half."
    )
