"""Measure, write docs/speed.json and docs/growth.png, and put the tables into docs/speed.md and the README.

usage: python -m speed [inference] [parts] [training] [bfloat16] [growth]     (from `make benchmarks`)

Without names: all of them, half an hour. A named one replaces its part of docs/speed.json; the rest must be there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from clab_lite.files import write_text
from speed import bfloat16, growth, inference, machine, parts, training
from speed.drawing import draw_growth
from speed.scene import FULL, SMALL, Case
from speed.tables import between_marks, page, ratios

ROOT = Path(__file__).parents[3]
RESULTS, PICTURE = ROOT / "docs/speed.json", ROOT / "docs/growth.png"
PAGES = {ROOT / "README.md": ratios, ROOT / "docs/speed.md": page}
MEASURES: dict[str, Callable[[], Any]] = {
    "inference": lambda: [
        inference.measure(Case(size=SMALL), turns=5),
        inference.measure(Case("r101", size=SMALL), turns=2),
        inference.measure(Case(size=FULL), turns=3),
    ],
    "parts": lambda: {"small": parts.measure(Case(size=SMALL)), "full": parts.measure(Case(size=FULL))},
    "training": lambda: training.measure(turns=3),
    "bfloat16": bfloat16.measure,
    "growth": growth.measure,
}


def main(names: list[str]) -> None:
    """Measure what is named, or everything; each result is written as soon as it is there."""
    unknown = set(names) - set(MEASURES)
    if unknown:
        raise SystemExit(f"nothing is called {', '.join(sorted(unknown))}. Choose from: {', '.join(MEASURES)}.")
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    missing = set(MEASURES) - set(results) - set(names or MEASURES)
    if missing:
        raise SystemExit(f"{RESULTS.name} has no {', '.join(sorted(missing))}: measure that too.")
    torch.set_num_threads(1)
    for name in names or MEASURES:
        print(f"measuring {name} ...", flush=True)
        found = MEASURES[name]()
        results[name] = {"machine": machine.describe(torch.device("cpu")), "found": found}
        write_text(RESULTS, json.dumps(results, indent=1) + "\n")
    draw_growth(results["growth"]["found"], PICTURE)
    for path, content in PAGES.items():
        write_text(path, between_marks(path.read_text(encoding="utf-8"), content(results)))


if __name__ == "__main__":
    main(sys.argv[1:])
