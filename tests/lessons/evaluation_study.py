"""A small made-up study for the tests of lesson 09; its numbers are no measurement."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from clab_lite.study.plans import settings_of
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting
from clab_lite.study.store import Study

GAIN = 0.04
"""By which AP50 of object level is really higher in this made-up world; of all others it is not."""
REPORT, SEARCH = "128 other videos", "64 bundled videos"
_AP = ("all", "clean", "troubled", "motion_blur", "noise", "slow", "medium", "fast")


def record(setting: Setting, videos: str = REPORT) -> Record:
    """AP50 0.4, a part that depends on the seed alone, a gain, and noise."""
    seed, own = np.random.default_rng(setting.seed), np.random.default_rng(zlib.crc32(setting.name.encode()))
    gain = GAIN if setting.start and setting.level == "object" else 0.0
    base = 0.4 + 0.05 * seed.normal() + gain
    ap = {name: float(base + 0.01 * np.random.default_rng([setting.seed, len(name)]).normal()) for name in _AP}
    ap = {name: value + 0.004 * float(own.normal()) * (setting.start > 0) for name, value in ap.items()}
    columns = {"iteration": np.array([1.0, 300.0])}
    moments = [_moment(step, setting) for step in (0, 150, 300)]
    return Record(setting, columns, columns, tuple(moments), ap, videos, 60.0)


def made_study(settings: Iterable[Setting] | None = None) -> Study:
    """The runs of the shipped plans "effect" and "search", with made-up numbers."""
    if settings is not None:
        return Study(tuple(map(record, settings)), {}, "made up")
    found = [record(setting) for setting in settings_of("effect")]
    found += [record(setting, SEARCH) for setting in settings_of("search")]
    return Study(tuple(found), {}, "made up")


def _moment(step: int, setting: Setting) -> Moment:
    weight = setting.start * max(0.0, 1 - step / 150)
    rise = 0.1 * (step / 300) + 0.05 * (setting.start > 0) * (step == 150)
    scores = {
        "frame": {"silhouette_video": 0.3 + rise, "knn_video": 0.6, "uniformity": -2.0},
        "object": {
            "silhouette_class": 0.1 + rise,
            "knn_class": 0.4 + 0.01 * setting.seed,
            "alignment_class": float("nan"),
        },
    }
    cloud = {level: np.zeros((1, 2), np.float32) for level in scores}
    return Moment(step, weight, scores, cloud)
