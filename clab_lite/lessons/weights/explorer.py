"""The weight explorer: sliders for the schedule; what it is exactly, and what the nearest real run measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.lessons.weights.nearest import Asked, Found, find, run_words
from clab_lite.lessons.weights.panels import cloud_panel, cosine_panel, moment_at, schedule_panel, share_panel
from clab_lite.lessons.weights.scores import score_words
from clab_lite.lessons.weights.shares import SHAPES, balance_of, number, percent, schedule_of
from clab_lite.show.style import INK, PlainFigure
from clab_lite.study.paired import SeedMean, over_seeds

_STARTS = (0.0, *(round(m * 10.0**e, 10) for e in (-4, -3, -2, -1) for m in (1, 1.5, 2, 3, 5, 7)), 1.0)
"""Stops of the slider: zero, then six for each factor of ten."""


_PLACES = (
    (0.085, 0.685, 0.415, 0.225), (0.085, 0.365, 0.415, 0.235), (0.085, 0.075, 0.415, 0.205),
    (0.535, 0.16, 0.455, 0.72),
)  # fmt: skip
"""Of the four axes, in shares of the figure: an automatic layout would take longer than the drawing itself."""


def start_stops(study: Any) -> list[tuple[str, float]]:
    """(label, weight) of the slider's stops: zero, a logarithmic scale, and every weight that was measured."""
    values = sorted({*_STARTS, *(float(record.setting.start) for record in study.records)})
    return [(number(value), value) for value in values]


def weight_explorer(study: Any) -> lessons.Explorer:
    """The explorer over a study's runs; its first control is the start weight."""
    settings = [record.setting for record in study.records]
    levels = [level for level in ("frame", "object") if any(s.level == level for s in settings)]
    temperatures = sorted({*(float(s.temperature) for s in settings), 0.03, 0.05, 0.1, 0.2, 0.5, 1.0})
    controls: dict[str, Any] = {
        "start": lessons.stops("start weight", start_stops(study), _first_start(study)),
        "until": lessons.slider("zero from", 0.1, 1.0, 0.5, 0.05),
        "shape": lessons.choice("shape", list(SHAPES), "linear"),
        "temperature": lessons.stops("temperature τ", [(number(t), t) for t in temperatures], 0.1),
        "level": lessons.choice("contrast between", [(f"{name}s", name) for name in levels], levels[0]),
        "progress": lessons.slider("moment", 0.0, 1.0, 0.15, 0.05),
        "cloud": lessons.choice("cloud of", [("objects", "object"), ("frames", "frame")], "object"),
        "colour": lessons.choice("coloured by", [("class", "class_name"), ("video", "video_name")], "class_name"),
    }
    return lessons.explore(drawing(study), **controls)


def drawing(study: Any) -> Callable[..., tuple[Figure, str]]:
    """The explorer's drawing function: one argument per control -> figure, line of numbers."""

    def draw(
        start: float,
        until: float,
        shape: str,
        temperature: float,
        level: str,
        progress: float,
        cloud: str,
        colour: str,
    ) -> tuple[Figure, str]:
        asked = Asked(start, until, shape, temperature, level)
        found = find(study, asked)
        return figure(study, asked, found, progress, (cloud, colour)), numbers(asked, found, progress, cloud)

    return draw


def figure(study: Any, asked: Asked, found: Found, progress: float, cloud: tuple[str, str]) -> Figure:
    """Schedule, share and angle on the left, the cloud on the right; the sentence that names the run on top.

    cloud: (level, column of `study.points[level]` that colours it).
    """
    record, balance = found.record, balance_of(found.record)
    whole = PlainFigure(figsize=(9.5, 6.4), facecolor="white")
    top, middle, bottom, right = (whole.add_axes(place) for place in _PLACES)
    schedule_panel(top, asked, found, progress)
    share_panel(middle, asked, found, balance, progress)
    cosine_panel(bottom, balance, progress)
    moment = moment_at(record, progress)
    level, column = cloud
    groups = study.points[level][column].fillna("")
    thing = "Objects" if level == "object" else "Frames"
    title = f"{thing} at step {moment.iteration} of {record.setting.iterations}"
    note = f"measured, w = {number(moment.weight)} then; the snapshot nearest to {percent(progress)}"
    cloud_panel(right, np.asarray(moment.cloud[level]), groups, title, note)
    whole.text(0.012, 0.985, found.sentence, va="top", fontsize=10, color=INK)
    return whole


def numbers(asked: Asked, found: Found, progress: float, level: str) -> str:
    """What is asked, exactly; then the run's own numbers, and those of its setting over all seeds."""
    record, balance = found.record, balance_of(found.record)
    moment = moment_at(record, progress)
    at = int(np.abs(balance.step - moment.iteration).argmin())
    weight = schedule_of(asked.shape, asked.start, asked.until)
    average = sum(weight(i / 1000) for i in range(1000)) / 1000
    parts = [
        f"You ask: start {number(asked.start)}, now {number(weight(progress))}, mean over training {number(average)}",
        f"Measured run ({run_words(record.setting)}): share of the gradient {percent(float(balance.share[at]))}"
        f" at step {balance.step[at]}",
        score_words(moment, level),
        f"AP50 at the end {record.ap['all']:.3f} on {record.videos.split(' that ')[0]}; this setting over seeds:"
        f" {mean_words(over_seeds(r.ap['all'] for r in found.seeds))}",
    ]
    return " · ".join(part for part in parts if part) + "."


def mean_words(found: SeedMean) -> str:
    """ "0.412 (mean of 3 seeds, 95 % interval 0.400 to 0.424)"; where there is no interval, why."""
    count = len(found.values)
    if not found.enough:
        seeds = {1: "one seed", 2: "two seeds"}.get(count, f"{count} seeds")
        return f"{found.mean:.3f} ({seeds}: too few for an interval)"
    return f"{found.mean:.3f} (mean of {count} seeds, 95 % interval {found.low:.3f} to {found.high:.3f})"


def _first_start(study: Any) -> float:
    """Where the slider begins: the measured start weight next to 0.05, a share that can be seen."""
    positive = [float(r.setting.start) for r in study.records if r.setting.start > 0]
    return min(positive, key=lambda start: abs(np.log(start / 0.05))) if positive else 0.0
