"""The configurations of the lesson: those of the shipped study, so that its runs tell what to expect."""

from __future__ import annotations

from dataclasses import replace

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.study import Setting

NEW_SEED = 10
"""None of the study's seeds: a run with one of those would be compared with itself."""


def run_config(preset: str = "lesson", weight: float = 0.005, *, seed: int = NEW_SEED, log_every: int = 10) -> Config:
    """A preset with a start weight of the contrast (0 is the baseline).

    "lesson" is exactly what the study trains: `Setting.iterations` steps, one thread, float32. Other presets keep their
    own length.

    Raises:
        DataError: there is no such preset.
    """
    if preset == "lesson":
        config = Setting(start=weight, seed=seed).config()
    else:
        config = presets.named(preset)
        contrast = replace(config.train.contrast, start=weight)
        config = replace(config, train=replace(config.train, contrast=contrast, seed=seed))
    name = "CLAB" if weight else "baseline"
    return replace(config, name=name, train=replace(config.train, log_every=log_every))


def shortened(config: Config, steps: int, **others: float) -> Config:
    """A run of so many steps in all, a row after each, computed with one thread in float32: repeatable to the bit.

    others: more settings of `config.train`.
    """
    train = replace(config.train, iterations=steps, log_every=1, threads=1, precision="float32")
    return replace(config, train=replace(train, **others))  # type: ignore[arg-type]


def comparable(one: Config, other: Config) -> bool:
    """Whether two configurations differ at most in name, seed, and how often they write."""
    return _bare(one) == _bare(other)


def _bare(config: Config) -> Config:
    train = replace(config.train, seed=0, log_every=1, checkpoint_every=1)
    return replace(config, name="", detector=replace(config.detector, num_classes=1), train=train)
