"""The measured runs that travel with the lesson: background, box jitter, up to three seeds each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from clab_lite.errors import DataError
from clab_lite.lessons.measured_file import mean_in_words, read_runs
from clab_lite.lessons.places import samples_folder
from clab_lite.methods.codo.measure import Probe
from clab_lite.plain_values import built

FILE = Path("methods", "codo", "records.json")
COMMAND = "python -m clab_lite.methods.codo.trial"
NAMES = {"downstream": "training frames", "same": "one frame for all views", "noise": "noise",
         "pretrain": "pre-training frames"}  # fmt: skip
"""Background of a record -> what figures and tables call it."""


@dataclass(frozen=True)
class MeasuredRun:
    """One run."""

    background: str
    jitter: float
    seed: int
    steps: tuple[int, ...]
    """When the probe was taken."""
    embedding: tuple[Probe, ...]
    """Of what the loss sees, at these steps."""
    c4: tuple[Probe, ...]
    """Of the backbone's C4, which goes into the detector."""
    as_made: Probe
    """Of the untrained network with the BatchNorm statistics it is made with."""
    amplitudes: tuple[float, ...]
    before: tuple[Probe, ...]
    """Read through boxes jittered by each amplitude, before training."""
    after: tuple[Probe, ...]
    losses: tuple[float, ...]
    seconds: float


def measured_runs(path: Path | None = None) -> list[MeasuredRun]:
    """The shipped runs, or those of a file that the command wrote.

    Raises:
        DataError: no such file, or one of another form.
    """
    return read_runs(samples_folder() / FILE if path is None else path, _run, COMMAND)


def pick(runs: Sequence[MeasuredRun], background: str, jitter: float) -> list[MeasuredRun]:
    """The seeds of one setting. DataError: it was not measured."""
    found = [run for run in runs if run.background == background and math.isclose(run.jitter, jitter)]
    if not found:
        there = sorted({(run.background, run.jitter) for run in runs})
        raise DataError(f"no run with background {background!r} and jitter {jitter}. There are: {there}.")
    return sorted(found, key=lambda run: run.seed)


def summary(runs: Sequence[MeasuredRun]) -> pd.DataFrame:
    """A row per setting: what training changed, mean over seeds, half of the 95 % interval (from 3 seeds on)."""
    settings = sorted({(run.background, run.jitter) for run in runs}, key=lambda one: (_ORDER.index(one[0]), one[1]))
    rows: list[dict[str, Any]] = []
    for background, jitter in settings:
        chosen = pick(runs, background, jitter)
        row: dict[str, Any] = {"background": NAMES[background], "box jitter": f"{jitter:g}", "seeds": len(chosen)}
        for label, of in (("gap before", lambda r: r.embedding[0].gap), ("gap after", lambda r: r.embedding[-1].gap),
                          ("share before", lambda r: r.embedding[0].background_share),
                          ("share after", lambda r: r.embedding[-1].background_share),
                          ("found again", lambda r: r.embedding[-1].retrieval),
                          ("C4 share before", lambda r: r.c4[0].background_share),
                          ("C4 share after", lambda r: r.c4[-1].background_share)):  # fmt: skip
            row[label] = mean_in_words([of(run) for run in chosen])
        rows.append(row)
    return pd.DataFrame(rows)


_ORDER = ("downstream", "pretrain", "same", "noise")


def _run(one: dict[str, Any]) -> MeasuredRun:
    moments, curve = one["moments"], one["probe_jitter"]
    plain = {
        **{name: one[name] for name in ("background", "jitter", "seed", "losses", "seconds")},
        **{name: [moment[name] for moment in moments] for name in ("embedding", "c4")},
        **{name: curve[name] for name in ("amplitudes", "before", "after")},
        "steps": [moment["step"] for moment in moments],
        "as_made": one["untrained"],
    }
    run = built(MeasuredRun, plain, missing_is_nan=True)
    if not run.steps or run.background not in _ORDER:
        raise ValueError(f"a run of {run.background[:40]!r} with {len(run.steps)} moments")
    return run
