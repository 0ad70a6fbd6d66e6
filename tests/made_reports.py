"""Evaluation reports made of invented numbers, for tests of what shows them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from clab_lite.evaluation_report import (
    Curve,
    ErrorCost,
    EvaluationReport,
    Measured,
    ProtocolScores,
    Score,
    Scores,
    WorstFrame,
)
from clab_lite.evaluation_words import ERROR_WORDS, PROTOCOL_TEXTS


def made_report(
    names: Sequence[str], worst: Sequence[tuple[str, int]] = (), *, subset: str = "", seed: int = 0
) -> EvaluationReport:
    """Every part filled, for the given classes and worst frames (video, frame)."""
    draw = random.Random(seed)
    per_class = {name: _scores(draw.uniform(0.1, 0.95), draw.randint(1, 40)) for name in names}
    overall = _scores(sum(s.ap50 or 0.0 for s in per_class.values()) / max(len(names), 1), 14 * len(names))
    troubles = {"clean": 0.05, "any_trouble": -0.05, "motion_blur": -0.2, "occlusion": -0.1, "noise": 0.0}
    ap50 = overall.ap50 or 0.0
    shifts = {"coco": 0.0, "mega": 0.003, "fgfa": 0.005}
    curves = {name: _curve(scores.ap50 or 0.0) for name, scores in per_class.items()}
    return EvaluationReport(
        overall,
        per_class,
        {name: _scores(ap50 + d, 9, None if name == "clean" else ap50 + 0.04) for name, d in troubles.items()},
        measured=Measured("data_samples", "val", "checkpoint.pt", 800, 800, 160, 96, 14),
        subset=subset,
        by_size={"small": _scores(0.21, 3), "medium": _scores(0.55, 9), "large": _scores(0.81, 12)},
        protocols={key: _protocol(key, per_class, ap50 + d) for key, d in shifts.items()},
        errors={kind: ErrorCost(draw.randint(0, 900), draw.uniform(0, 0.12)) for kind in ERROR_WORDS},
        curves={"all classes": _curve(ap50), **curves},
        worst=tuple(WorstFrame(video, frame, 1, 1.25) for video, frame in worst),
    )  # fmt: skip


def undefined_scores(reason: str = "there is no ground truth") -> Scores:
    """No number, and why."""
    return Scores.of(math.nan, math.nan, videos=0, frames=0, boxes=0, undefined=reason)


def _scores(ap50: float, videos: int, clean: float | None = None) -> Scores:
    half = 0.5 / math.sqrt(videos + 1)
    interval = (max(ap50 - half, 0.0), min(ap50 + half, 1.0)) if videos > 1 else None
    strict = (interval[0] / 2, interval[1] / 2) if interval else None
    return Scores(ap50, ap50 / 2, videos, 300 * videos, 520 * videos, None, interval, strict, clean)


def _score(value: float, videos: int) -> Score:
    scores = _scores(value, videos)
    return Score(value, scores.ap50_interval, videos, scores.frames, scores.boxes)


def _protocol(key: str, per_class: dict[str, Scores], ap50: float) -> ProtocolScores:
    text = PROTOCOL_TEXTS[key]
    speeds = {} if key == "coco" else {"slow": 0.1, "medium": 0.02, "fast": -0.2}
    scores = {"all": _score(ap50, 20), **{name: _score(ap50 + d, 6) for name, d in speeds.items()}}
    classes = {name: _score(min((row.ap50 or 0) + 0.003, 1), row.videos) for name, row in per_class.items()}
    return ProtocolScores(text.title, text.rules, text.comparable, scores, classes)


def _curve(ap50: float) -> Curve:
    end = min(1.0, ap50 + 0.12)
    return Curve(tuple(round(max(1 - (r / 100 / end) ** 4 * 0.7, 0), 4) if r / 100 <= end else 0.0 for r in range(101)))
