"""Learning rates and random views."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import pytest
import torch
from method_goldens import agree, cases

from clab_lite.errors import DataError
from clab_lite.methods.shared import PretrainConfig, learning_rate
from clab_lite.methods.shared.views import (
    PhotoConfig,
    crop_and_resize,
    crop_rectangle,
    photometric,
    sample_seed,
    seeded_draws,
)


@pytest.mark.parametrize("case", cases("lr.cosine_floor"), ids=lambda c: c["name"])
@pytest.mark.parametrize("steps_per_epoch", [1, 7])
def test_cosine_floor_golden(case: dict, steps_per_epoch: int) -> None:
    given = case["inputs"]
    config = PretrainConfig(
        steps=given["epochs"] * steps_per_epoch,
        rate_every=steps_per_epoch,
        learning_rate=given["lr"],
        schedule="cosine_floor",
        floor=given["decay_rate"] ** 3,
    )
    for within in {0, steps_per_epoch - 1}:
        steps = [(epoch - 1) * steps_per_epoch + within for epoch in given["at_epochs"]]
        agree([learning_rate(config, step) for step in steps], case["expected"]["lr"], case)


def test_cosine_constant_and_warmup() -> None:
    config = PretrainConfig(steps=10, learning_rate=2.0)
    assert learning_rate(config, 0) == 2.0
    assert learning_rate(config, 5) == pytest.approx(1.0)
    assert learning_rate(config, 9) == pytest.approx(1 + math.cos(math.pi * 0.9))
    warm = replace(config, schedule="constant", warmup=4)
    assert [learning_rate(warm, step) for step in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("schedule", ["cosine", "cosine_floor", "constant"])
def test_short_runs_have_a_rate_too(schedule: str) -> None:
    """The official loop divides by int(0.01 * epochs), so fewer than 100 epochs stop it (specification, quirk 6)."""
    for steps in (1, 2, 99):
        config = PretrainConfig(steps=steps, schedule=schedule)  # type: ignore[arg-type]
        rates = [learning_rate(config, step) for step in range(steps)]
        assert all(0 < rate <= config.learning_rate for rate in rates)


def test_settings_are_checked() -> None:
    with pytest.raises(DataError, match=r"PretrainConfig\.steps is 0"):
        PretrainConfig(steps=0)
    with pytest.raises(DataError, match="odd"):
        PhotoConfig(blur_kernel=8)


def test_views_are_pure_functions_of_their_seed() -> None:
    image = (torch.rand(3, 32, 48) * 255).to(torch.uint8)
    change = photometric(PhotoConfig(jitter_probability=1, blur=1))

    def view(seed: int) -> tuple[tuple[int, ...], torch.Tensor]:
        with seeded_draws(seed):
            rectangle = crop_rectangle(32, 48, (0.2, 1.0))
            return rectangle, change(crop_and_resize(image, rectangle, 24))

    state = torch.get_rng_state()
    first, again, other = view(5), view(5), view(6)
    assert first[0] == again[0] and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert first[1].shape == (3, 24, 24) and first[1].dtype == torch.uint8
    assert sample_seed(0, 1, "query") == sample_seed(0, 1, "query") != sample_seed(0, 1, "key")


def test_rectangles_stay_inside_and_keep_to_their_ranges() -> None:
    with seeded_draws(0):
        for _ in range(200):
            left, top, right, bottom = crop_rectangle(60, 90, (0.3, 0.8))
            assert 0 <= left < right <= 90 and 0 <= top < bottom <= 60
            assert 0.27 <= (right - left) * (bottom - top) / 5400 <= 0.83
            assert 0.7 <= (right - left) / (bottom - top) <= 1.4


def test_a_crop_of_the_whole_picture_is_the_picture() -> None:
    image = (torch.rand(3, 16, 16) * 255).to(torch.uint8)
    assert torch.equal(crop_and_resize(image, (0, 0, 16, 16), 16), image)


def test_blur_may_come_first() -> None:
    def kinds(first: bool) -> list[str]:
        return [type(change).__name__ for change in photometric(PhotoConfig(blur_first=first)).transforms]

    assert kinds(True) == ["RandomApply", "RandomApply", "RandomGrayscale"]
    assert kinds(False) == ["RandomApply", "RandomGrayscale", "RandomApply"]


@pytest.mark.parametrize("schedule", ["cosine", "cosine_floor"])
def test_an_unfinished_last_epoch_is_the_lowest(schedule: Literal["cosine", "cosine_floor"]) -> None:
    """10 steps in epochs of 4: the third epoch has 2 steps, and the rate may not rise again in it."""
    config = PretrainConfig(steps=10, learning_rate=1.0, schedule=schedule, floor=0.01, rate_every=4)
    rates = [learning_rate(config, step) for step in range(10)]
    first, second, third = rates[0], rates[4], rates[8]
    assert rates == [first] * 4 + [second] * 4 + [third] * 2 and first > second > third
    assert third == pytest.approx(0.25 if schedule == "cosine" else 0.01)
