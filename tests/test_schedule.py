"""Loss weight and learning rate against closed forms and the official code's numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from clab_lite import presets, schedule
from clab_lite.config import TrainConfig, WeightScheduleConfig
from clab_lite.errors import DataError

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "official" / "aux_head.json").read_text())


@pytest.mark.parametrize(
    ("weight", "at_start", "at_quarter", "at_half", "at_end"),
    [
        (schedule.linear_decay(0.04, 0.5), 0.04, 0.02, 0.0, 0.0),
        (schedule.linear_decay(0.04, 1.0), 0.04, 0.03, 0.02, 0.0),
        (schedule.cosine(0.04, 0.5), 0.04, 0.02, 0.0, 0.0),
        (schedule.cosine(0.04, 1.0), 0.04, 0.04 * 0.8535533905932737, 0.02, 0.0),
        (schedule.step(0.04, 0.5), 0.04, 0.04, 0.0, 0.0),
        (schedule.constant(0.04), 0.04, 0.04, 0.04, 0.04),
    ],
)
def test_weight_at_known_progress(
    weight: schedule.Schedule, at_start: float, at_quarter: float, at_half: float, at_end: float
) -> None:
    found = [weight(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert found == pytest.approx([at_start, at_quarter, at_half, at_end], abs=1e-12)


def test_linear_weight_equals_the_official_hook() -> None:
    """Also late in training, whatever the order of calls: nothing is remembered between them."""
    hook = GOLDEN["hook"]
    total = 87_654
    config = WeightScheduleConfig(start=hook["value"], until_iteration=hook["num_step"])
    weight = schedule.contrast_schedule(config, total)
    for iteration, expected in reversed(hook["weights"].items()):
        assert weight(int(iteration) / total) == pytest.approx(expected, rel=1e-9, abs=1e-16), iteration
    assert weight(25_000 / total) == 0.0


def test_paper_preset_is_the_official_hook() -> None:
    contrast = presets.paper("r50").train.contrast
    assert (contrast.start, contrast.until_iteration) == (GOLDEN["hook"]["value"], GOLDEN["hook"]["num_step"])


def test_learning_rate_equals_the_official_schedule() -> None:
    golden = GOLDEN["lr_schedule"]
    config = presets.paper("r50").train
    total = 7 * golden["iters_per_epoch"]
    assert config.warmup == golden["warmup_iters"]
    for name, expected in golden["lr"].items():
        iteration = int(name.split("iter")[1])
        found = schedule.learning_rate(config, iteration, total)
        assert found == pytest.approx(expected, rel=1e-12), name


def test_one_cycle_rises_once_and_ends_near_zero() -> None:
    config = TrainConfig(learning_rate=0.03, schedule="one_cycle", warmup_fraction=0.15)
    rates = [schedule.learning_rate(config, i, 200) for i in range(200)]
    assert rates[0] == pytest.approx(0.03 / 25)
    assert max(rates) == rates[30] == pytest.approx(0.03)
    assert all(a < b for a, b in pairwise(rates[:31]))
    assert all(a > b for a, b in pairwise(rates[30:]))
    assert 0 < rates[-1] < 1e-5


def test_cosine_rate_warms_up_then_falls_to_zero() -> None:
    config = TrainConfig(learning_rate=0.02, schedule="cosine", warmup=10)
    assert schedule.learning_rate(config, 0, 100) == pytest.approx(0.02 / 3)
    assert schedule.learning_rate(config, 50, 100) == pytest.approx(0.01)
    assert schedule.learning_rate(config, 100, 100) == pytest.approx(0.0, abs=1e-12)


def test_weight_falls_to_zero_once() -> None:
    weight = schedule.linear_decay(0.005, 0.5)
    assert [i for i in range(40) if schedule.falls_to_zero(weight, i, 40)] == [20]
    assert not any(schedule.falls_to_zero(schedule.constant(), i, 40) for i in range(40))
    assert not any(schedule.falls_to_zero(schedule.linear_decay(0.0), i, 40) for i in range(40))


def test_iterations_are_passes_of_all_ranks_over_the_key_frames() -> None:
    config = TrainConfig(epochs=7, clips_per_rank=2)
    assert schedule.count_iterations(config, 1001, world_size=8) == 438  # 7007 clips, 16 at a time
    assert schedule.count_iterations(replace(config, iterations=5), 1001, world_size=8) == 5


def test_bad_values_are_named() -> None:
    with pytest.raises(DataError, match="until = 0"):
        schedule.linear_decay(until=0)
    with pytest.raises(DataError, match=r"start = -1\.0"):
        schedule.cosine(start=-1.0)
    with pytest.raises(DataError, match="no key frame"):
        schedule.count_iterations(TrainConfig(), 0, world_size=1)
