"""The parts of the trial: what is done, for how long, and how much it may grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trials.health import detecting, moving, repeating, training
from trials.health.meter import Meter


@dataclass(frozen=True)
class Part:
    """One kind of work."""

    title: str
    unit: str
    """What its length counts."""
    length: int
    ahead: int
    """So many units are taken for a very long job: memory may grow by MOST_MB in them."""
    work: Callable[[Meter, Path], None]
    """work(meter, an empty folder)."""
    looks: int = 200


MOST_MB = 50
PARTS = {
    "training": Part("training, preset `tiny`", "steps", 2000, 10_000, training.training, 1000),
    "workers": Part(
        "training, preset `lesson`, 2 worker processes, no frames kept", "steps", 3000, 10_000,
        training.training_with_workers, 1000,
    ),
    "pretraining": Part("pre-training, CoDo, preset `lite`", "steps", 2000, 10_000, training.pretraining, 1000),
    "detect": Part("`detect`, references over the whole video", "frames", 3000, 10_000, detecting.detecting),
    "detect-sliding": Part("`detect`, sliding window", "frames", 3000, 10_000, detecting.detecting_sliding),
    "detect-past": Part("`detect`, frames before only", "frames", 3000, 10_000, detecting.detecting_past),
    "interrupted": Part(
        "`detect` ended by Ctrl-C, by a damaged frame, by its end", "videos", 150, 1_000, detecting.interrupted
    ),
    "evaluate": Part("`evaluate` of 8 videos, with its page", "times", 40, 200, repeating.evaluating),
    "embed": Part("`embed` of 64 videos", "times", 240, 500, repeating.embedding),
    "open": Part("`open_dataset`", "times", 2000, 2_000, repeating.opening),
    "load": Part("`load_run`", "times", 100, 500, repeating.loading),
    "sheets": Part("contact sheets", "times", 300, 2_000, repeating.drawing_sheets),
    "slider": Part("slider moves, the weight explorer of lesson 06", "moves", 500, 10_000, moving.weights_moved, 40),
    "slider-temperature": Part(
        "slider moves, the temperatures of lesson 04", "moves", 500, 10_000, moving.temperature_moved, 40
    ),
    "slider-boxes": Part("slider moves, the five boxes of lesson 09", "moves", 500, 10_000, moving.boxes_moved, 40),
    "drag": Part("drag moves, the circle of lesson 04", "moves", 500, 10_000, moving.angle_dragged, 40),
    "again": Part("a cell run again, the weight explorer of lesson 06", "times", 20, 200, moving.weights_again, 20),
}  # fmt: skip
