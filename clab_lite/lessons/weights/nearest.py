"""The measured run that comes nearest to what was asked, and in which respects it is another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clab_lite.lessons.weights.shares import number, percent
from clab_lite.study.setting import Setting

_SIZES = {"clips": "clips", "train_videos": "training videos", "iterations": "steps"}
"""What changes a run at every weight, and how it is called."""


@dataclass(frozen=True)
class Asked:
    """What the sliders ask for."""

    start: float
    until: float = 0.5
    shape: str = "linear"
    temperature: float = 0.1
    level: str = "frame"
    clips: int = Setting.clips
    train_videos: int = Setting.train_videos
    iterations: int = Setting.iterations
    """No slider moves these three: the lesson is about runs of this size."""


@dataclass(frozen=True)
class Found:
    """A measured run, all runs that differ from it only in their seed (itself among them), and how it differs."""

    record: Any
    seeds: list[Any]
    different: list[tuple[str, str, str]]
    """(name, asked, measured), like ("start", "0.02", "0.05"); empty when exactly what was asked was measured."""

    @property
    def sentence(self) -> str:
        """Says which run is shown and that it is another one, where it is."""
        seed = f"seed {self.record.setting.seed}"
        if not self.different:
            return f"Measured: exactly this setting ({seed})."
        asked = ", ".join(f"{name} {wanted}" for name, wanted, _ in self.different)
        measured = ", ".join(f"{name} {value}" for name, _, value in self.different)
        return f"You asked {asked}; the nearest measured run has {measured} ({seed})."


def find(study: Any, asked: Asked) -> Found:
    """Look up the nearest run of a study."""
    record = study.nearest(
        shape=asked.shape, start=asked.start, until=asked.until, temperature=asked.temperature, level=asked.level,
        clips=asked.clips, train_videos=asked.train_videos, iterations=asked.iterations,
    )  # fmt: skip
    return Found(record, list(study.of(record.setting)), differences(asked, record.setting))


def differences(asked: Asked, setting: Any) -> list[tuple[str, str, str]]:
    """In which respects a measured setting is not the one that was asked for.

    All that a setting holds is compared, but the seed. Where both weights are 0, shape, end, temperature and level
    change nothing in the training; the end of a constant weight says nothing.
    """
    compared, answer = ["start", "shape", "until", "temperature", "level"], []
    if setting.start == 0 == asked.start:
        compared = []
    elif "constant" in (asked.shape, setting.shape):
        compared.remove("until")
    for name in compared:
        wanted, measured = getattr(asked, name), getattr(setting, name)
        if isinstance(wanted, str):
            if wanted != measured:
                answer.append((name, wanted, measured))
        elif not np.isclose(wanted, measured, rtol=1e-6, atol=1e-12):
            answer.append((name, number(wanted), number(measured)))
    sizes = [(words, str(getattr(asked, name)), str(getattr(setting, name))) for name, words in _SIZES.items()]
    return answer + [size for size in sizes if size[1] != size[2]]


def run_words(setting: Any) -> str:
    """A run in words: "frames, 0.005 linear to 0 at 50 %, 4 clips, 400 steps, seed 0"."""
    until = "" if setting.shape == "constant" else f" to 0 at {percent(setting.until)}"
    heat = "" if setting.temperature == Setting.temperature else f", τ {number(setting.temperature)}"
    course = f"{setting.level}s, {number(setting.start)} {setting.shape}{until}{heat}"
    videos = "" if setting.train_videos == Setting.train_videos else f"{setting.train_videos} videos, "
    size = f"{videos}{setting.clips} clips, {setting.iterations} steps, seed {setting.seed}"
    return f"{course if setting.start else 'baseline (weight 0)'}, {size}"
