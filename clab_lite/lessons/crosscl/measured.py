"""The measured runs that travel with the lesson: five settings, up to three seeds each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.lessons.measured_file import mean_in_words, read_runs
from clab_lite.lessons.places import samples_folder
from clab_lite.methods.crosscl.measure import Similarity
from clab_lite.plain_values import built
from clab_lite.show.style import BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, VERMILLION, heading, new_figure, quiet

FILE = Path("methods", "crosscl", "records.json")
COMMAND = "python -m clab_lite.methods.crosscl.trial"
ARMS = {
    "cross": ("with cross terms", BLUE),
    "without": ("without cross terms", VERMILLION),
    "other_images": ("negatives from other images only", PURPLE),
    "temporal": ("two frames instead of two crops", GREEN),
    "sgd": ("trained with SGD", ORANGE),
}
"""Arm of a record -> what figures call it, and its colour."""
QUESTIONS = {"p3_to_p4": "P3 to P4", "p4_to_p3": "P4 to P3", "other_view": "P3 to P4 of the other view"}


@dataclass(frozen=True)
class MeasuredRun:
    """One run."""

    arm: str
    seed: int
    steps: tuple[int, ...]
    """When it was measured."""
    found: dict[str, tuple[Similarity, ...]]
    """"p3_to_p4", "p4_to_p3", "other_view" -> what was measured at these steps."""
    curves: dict[str, tuple[float, ...]]
    """Means over a few steps each: "step", the five terms, "total", "valid_share"."""
    seconds: float


def measured_runs(path: Path | None = None) -> list[MeasuredRun]:
    """The shipped runs, or those of a file that the command wrote.

    Raises:
        DataError: no such file, or one of another form.
    """
    return read_runs(samples_folder() / FILE if path is None else path, _run, COMMAND)


def pick(runs: Sequence[MeasuredRun], arm: str) -> list[MeasuredRun]:
    """The seeds of one arm. DataError: it was not measured."""
    found = sorted((run for run in runs if run.arm == arm), key=lambda run: run.seed)
    if not found:
        raise DataError(f"no run of {arm!r} was measured. There are: {', '.join(sorted({run.arm for run in runs}))}.")
    return found


def summary(runs: Sequence[MeasuredRun]) -> pd.DataFrame:
    """A row per arm: what is found at the end, mean over seeds and half of the 95 % interval."""
    rows: list[dict[str, Any]] = []
    for arm, (name, _) in ARMS.items():
        chosen = [run for run in runs if run.arm == arm]
        if not chosen:
            continue
        row: dict[str, Any] = {"setting": name, "seeds": len(chosen)}
        for key, label in QUESTIONS.items():
            row[label] = mean_in_words([run.found[key][-1].retrieval for run in chosen])
        row["cosine same"] = mean_in_words([run.found["p3_to_p4"][-1].same for run in chosen])
        row["cosine other"] = mean_in_words([run.found["p3_to_p4"][-1].other for run in chosen])
        rows.append(row)
    return pd.DataFrame(rows)


def draw_measured(runs: Sequence[MeasuredRun], question: str = "p3_to_p4") -> tuple[Figure, str]:
    """The share found over the steps, a line per seed; and the cosines at the end."""
    figure, axes = new_figure(9.5, 4.0, 1, 2, width_ratios=(1.35, 1))
    ends: dict[str, float] = {}
    for place, (arm, (_, colour)) in enumerate(ARMS.items()):
        chosen = [run for run in runs if run.arm == arm]
        for run in chosen:
            found = [one.retrieval for one in run.found[question]]
            axes[0].plot(run.steps, found, color=colour, linewidth=1.4, alpha=0.9)
            last = run.found[question][-1]
            axes[1].scatter([last.same], [place], color=colour, s=38, zorder=3)
            axes[1].scatter([last.other], [place], facecolors="white", edgecolors=colour, s=38, zorder=3)
        if chosen:
            ends[arm] = float(np.mean([run.found[question][-1].retrieval for run in chosen]))
    axes[0].set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    axes[0].set_xlabel("step", fontsize=9, color=GREY)
    axes[0].set_ylabel(f"windows found, {QUESTIONS[question]}", fontsize=9, color=GREY)
    axes[1].set_yticks(range(len(ARMS)), [name for name, _ in ARMS.values()], fontsize=9)
    axes[1].set(xlim=(-0.35, 1.05), ylim=(len(ARMS) - 0.5, -0.5))
    axes[1].set_xlabel("cosine: same window (full), others (open)", fontsize=9, color=GREY, loc="right")
    for panel in axes:
        quiet(panel, grid=panel is axes[0])
    for text, (_, colour) in zip(axes[1].get_yticklabels(), ARMS.values(), strict=True):
        text.set_color(colour)  # the key of both panels
    axes[1].grid(axis="x", color=PALE, linewidth=0.6)
    axes[1].set_axisbelow(True)
    heading(axes[0], _finding(ends))
    windows = runs[0].found[question][-1].windows
    seeds = len({run.seed for run in runs})
    return figure, f"{len(runs)} runs, {seeds} seeds; guessing finds 1 of {windows} windows, {1 / windows:.1%}"


def _finding(ends: dict[str, float]) -> str:
    if not {"cross", "without"} <= ends.keys():
        return "Windows found on held-out frames"
    return f"{ends['cross']:.0%} of the windows are found, {ends['without']:.0%} without the cross terms"


def _run(one: dict[str, Any]) -> MeasuredRun:
    moments = one["moments"]
    plain = {
        **{name: one[name] for name in ("arm", "seed", "curves", "seconds")},
        "steps": [moment["step"] for moment in moments],
        "found": {key: [moment[key] for moment in moments] for key in QUESTIONS},
    }
    run = built(MeasuredRun, plain, missing_is_nan=True)
    if not run.steps:
        raise ValueError(f"a run of {run.arm[:40]!r} without a moment")
    return run
