"""Loss weight and learning rate as pure functions of where training stands.

Nothing here keeps state, so a resumed run sees the values an uninterrupted run would see. (The official
code mutates the loss from a hook and restarts at full weight when it resumes late: goldens/README-official,
quirk 6.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from clab_lite.config import TrainConfig, WeightScheduleConfig
from clab_lite.errors import DataError

Schedule = Callable[[float], float]
"""weight(progress), progress in [0, 1] of the whole training."""

WARMUP_RATIO = 1 / 3
"""Warm-up starts at this share of the learning rate (official)."""
ONE_CYCLE_START = 1 / 25
"""One-cycle starts at this share of the largest learning rate."""


def linear_decay(start: float = 0.005, until: float = 0.5) -> Schedule:
    """From `start` in a straight line to zero at progress `until`, zero after (official)."""
    _check(start, until)
    return lambda progress: start * (1 - progress / until) if progress < until else 0.0


def cosine(start: float = 0.005, until: float = 0.5) -> Schedule:
    """From `start` along half a cosine to zero at progress `until`, zero after."""
    _check(start, until)
    return lambda progress: start * _half_cosine(progress / until) if progress < until else 0.0


def step(start: float = 0.005, until: float = 0.5) -> Schedule:
    """`start` before progress `until`, zero from there on."""
    _check(start, until)
    return lambda progress: start if progress < until else 0.0


def constant(start: float = 0.005) -> Schedule:
    """`start` throughout."""
    _check(start, 1.0)
    return lambda _progress: start


def contrast_schedule(config: WeightScheduleConfig, iterations: int) -> Schedule:
    """The schedule a config asks for, in a run of `iterations` iterations in all."""
    until = config.until if config.until_iteration is None else config.until_iteration / iterations
    if config.shape == "constant":
        return constant(config.start)
    shapes = {"linear": linear_decay, "cosine": cosine, "step": step}
    return shapes[config.shape](config.start, until)


def falls_to_zero(weight: Schedule, iteration: int, iterations: int) -> bool:
    """True at the one iteration whose weight is zero while the one before it still had some."""
    return iteration > 0 and weight((iteration - 1) / iterations) > 0 == weight(iteration / iterations)


def count_iterations(config: TrainConfig, key_frames: int, world_size: int) -> int:
    """Iterations of a whole run: as given, or `epochs` passes over the key frames by all ranks together.

    Batches run on from one pass into the next (`ClipSampler`); only the last batch of the run goes beyond.
    """
    if key_frames == 0:
        raise DataError("The dataset has no key frame to train on. Is it a training split?")
    if config.iterations is not None:
        return config.iterations
    return math.ceil(config.epochs * key_frames / (config.clips_per_rank * world_size))


def learning_rate(config: TrainConfig, iteration: int, iterations: int) -> float:
    """Learning rate of one iteration (0-based), of `iterations` in all.

    step and cosine: linear warm-up from a third over the first `config.warmup` iterations, multiplied with
    the schedule, as the official code does. one_cycle: half a cosine up from 1/25 of the rate over the
    first `config.warmup_fraction` of training, half a cosine down to zero after. Source: official step
    schedule, golden aux_head.json `lr_schedule`.
    """
    progress = iteration / iterations
    if config.schedule == "one_cycle":
        return config.learning_rate * _one_cycle(progress, config.warmup_fraction)
    if config.schedule == "step":
        factor = 0.1 ** sum(progress >= boundary for boundary in config.steps)
    else:
        factor = _half_cosine(progress)
    if iteration < config.warmup:
        factor *= 1 - (1 - iteration / config.warmup) * (1 - WARMUP_RATIO)
    return config.learning_rate * factor


def _one_cycle(progress: float, rise: float) -> float:
    """Share of the largest rate; its one maximum, 1, is at progress `rise`."""
    if progress < rise:
        return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * _half_cosine(1 - progress / rise)
    return _half_cosine((progress - rise) / (1 - rise)) if rise < 1 else 1.0


def _half_cosine(position: float) -> float:
    """1 at position 0, 0 at position 1, flat at both."""
    return (1 + math.cos(math.pi * position)) / 2


def _check(start: float, until: float) -> None:
    if not (math.isfinite(start) and start >= 0):
        raise DataError(f"schedule: start = {start} is not a finite weight of 0 or more. Try 0.005.")
    if not until > 0:
        raise DataError(f"schedule: until = {until} must be a progress above 0 (0.5 is half of training).")
