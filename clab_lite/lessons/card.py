"""The header card of a lesson: how long, how much memory, what there is to see, when it last ran."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clab_lite.lessons.places import notebooks_folder
from clab_lite.lessons.series import entry

RUNS = "runs.json"
"""In the folder of the notebooks: {"04_contrast": {"cpu": {...}, "gpu": {...}}}, written by notebooks/build.py."""
MARK = 'class="clab-lite-card"'
"""By which the builder finds the card among the outputs."""


@dataclass(frozen=True)
class Run:
    """One measured run of a notebook, from its first cell to its last."""

    minutes: float
    memory_mb: int | None
    """Peak resident memory of the kernel."""
    machine: str
    """Such as "2 CPU cores"."""
    version: str
    date: str
    """YYYY-MM-DD."""


def read_runs(folder: Path | None) -> dict[str, Any]:
    """What `runs.json` holds; nothing where the file is absent or broken: a card must not stop a lesson."""
    try:
        content = json.loads((folder / RUNS).read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def measured(name: str, kind: str, runs: dict[str, Any]) -> Run | None:
    """The run of a lesson on "cpu" or "gpu"; None where there is none, or where a value of it is of no use."""
    try:
        run = Run(**runs[name][kind])
    except (KeyError, TypeError):
        return None
    numbers = isinstance(run.minutes, int | float) and isinstance(run.memory_mb, int | float | None)
    return run if numbers and all(isinstance(text, str) for text in (run.machine, run.version, run.date)) else None


def duration(minutes: float) -> str:
    """In the unit that is read at a glance."""
    return f"{minutes * 60:.0f} s" if minutes < 1.5 else f"{minutes:.1f} min"


class Card:
    """The card of one lesson; shows itself."""

    def __init__(self, name: str, runs: dict[str, Any] | None = None) -> None:
        """Of the lesson `name`, from `runs` or from the file that is found."""
        self._lesson = entry(name)
        runs = read_runs(notebooks_folder()) if runs is None else runs
        cpu, gpu = measured(name, "cpu", runs), measured(name, "gpu", runs)
        unknown = "not measured yet"
        memory = cpu.memory_mb if cpu else None
        self.facts = {
            f"time on {cpu.machine}" if cpu else "time on a CPU": duration(cpu.minutes) if cpu else unknown,
            f"time on {gpu.machine}" if gpu else "time on a GPU": duration(gpu.minutes) if gpu else "not measured",
            "peak memory": f"{memory / 1000:.1f} GB" if memory else unknown,
            "last run": f"version {cpu.version}, {cpu.date}" if cpu else unknown,
        }

    def __repr__(self) -> str:
        facts = "; ".join(f"{name}: {value}" for name, value in self.facts.items())
        return f"You will see {self._lesson.see}. {facts}."

    def _repr_html_(self) -> str:
        """A plain table: GitHub leaves it whole."""
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in self.facts)
        values = "".join(f"<td>{html.escape(value)}</td>" for value in self.facts.values())
        see = f"<b>You will see</b> {html.escape(self._lesson.see)}."
        style = 'style="margin:4px 0 8px;font-size:14px;max-width:900px"'
        return f"<div {MARK} {style}><p>{see}</p><table><tr>{cells}</tr><tr>{values}</tr></table></div>"
