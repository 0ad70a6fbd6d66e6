"""A small made-up study for the tests of lesson 06; its numbers are no measurement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clab_lite.lessons.weights.shares import schedule_of
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting
from clab_lite.study.store import Study

VIDEOS = "8 made-up videos"


def points(level: str) -> pd.DataFrame:
    rows = [
        (v, f"val/v{v}", f, 0 if level == "object" else -1, v % 3, "abc"[v % 3], "") for v in range(6) for f in range(5)
    ]
    return pd.DataFrame(rows, columns=["video", "video_name", "frame", "track", "label", "class_name", "troubles"])


def record(setting: Setting, ap: float | None = None) -> Record:
    rng = np.random.default_rng(setting.seed)
    n, weight = setting.iterations, schedule_of(setting.shape, setting.start, setting.until)
    steps = np.array([1, *range(n // 15, n + 1, n // 15)], float)
    balance = {
        "iteration": steps,
        "detection": 1 + 0.2 * rng.random(len(steps)),
        "contrast": 6 + rng.random(len(steps)),
        "cosine": rng.normal(0, 0.1, len(steps)),
    }
    log = {"iteration": steps, "detection": 3 - steps / n, "contrast": 2 - steps / n,
           "weight": np.array([weight(s / n) for s in steps]), "chance": np.full(len(steps), 2.3)}  # fmt: skip
    moments = []
    for p in (0.0, 0.15, 0.5, 0.75, 1.0):
        scores = {
            "frame": {"silhouette_video": 0.3, "knn_video": 0.6 + p / 10, "alignment_video": 0.4, "uniformity": -2.0},
            "object": {"silhouette_class": 0.1, "knn_class": 0.4 + p / 10, "alignment_class": 0.7, "uniformity": -1.5},
        }
        cloud = {level: rng.normal(0, 1, (30, 2)).astype(np.float32) for level in ("frame", "object")}
        moments.append(Moment(round(p * n), weight(p), scores, cloud))
    value = 0.2 + 0.01 * rng.normal() if ap is None else ap
    return Record(setting, log, balance, tuple(moments), {"all": value}, VIDEOS, 60.0)


def fake_study() -> Study:
    settings = [Setting(seed=s, start=w) for s in range(3) for w in (0.0, 0.005, 0.05)]
    settings += [
        Setting(start=0.5, shape="constant"),
        Setting(start=0.05, level="object"),
        Setting(start=0.05, shape="cosine"),
    ]
    return Study(
        tuple(record(s) for s in settings), {level: points(level) for level in ("frame", "object")}, "a command"
    )
