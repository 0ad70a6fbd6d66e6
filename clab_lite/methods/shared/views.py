"""Random views of a picture: crop, flip, blur, colour, from torchvision.transforms.v2.

torchvision draws from torch's global generator. `seeded_draws` lends it a state of its own for a moment, so that a view
is a pure function of its seed, whatever was drawn before, and nothing outside notices.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from clab_lite.errors import DataError
from clab_lite.ranges import checked

_UNIT = (0, 1)


@dataclass(frozen=True)
@checked(jitter=_UNIT, jitter_probability=_UNIT, hue=(0, 0.5), grey=_UNIT, blur=_UNIT, blur_kernel=(1, 255))
class PhotoConfig:
    """Changes of pixels that leave boxes where they are."""

    jitter: float = 0.4
    """Strength of brightness, contrast and saturation changes."""
    hue: float = 0.1
    """Strength of hue changes, in turns of the colour wheel."""
    jitter_probability: float = 0.8
    """How often colours are changed."""
    grey: float = 0.2
    """How often a view loses its colour."""
    blur: float = 0.5
    """How often it is blurred, with a standard deviation of 0.1 to 2 pixels."""
    blur_kernel: int = 9
    """Side of the blur's kernel in pixels, odd."""
    blur_first: bool = False
    """Whether blur comes before colour (CrossCL)."""

    def __post_init__(self) -> None:
        if self.blur_kernel % 2 == 0:
            raise DataError(f"PhotoConfig.blur_kernel is {self.blur_kernel}. A kernel has a middle: make it odd.")


UNCHANGED = PhotoConfig(jitter_probability=0.0, grey=0.0, blur=0.0)
"""Leaves every pixel as it is."""


def photometric(config: PhotoConfig) -> v2.Transform:
    """uint8 (3, H, W) -> uint8 (3, H, W): colour jitter, grey and blur."""
    strength = config.jitter
    colour: list[v2.Transform] = [
        v2.RandomApply([v2.ColorJitter(strength, strength, strength, config.hue)], config.jitter_probability),
        v2.RandomGrayscale(config.grey),
    ]
    blur: list[v2.Transform] = [v2.RandomApply([v2.GaussianBlur(config.blur_kernel, (0.1, 2.0))], config.blur)]
    return v2.Compose(blur + colour if config.blur_first else colour + blur)


def crop_rectangle(
    height: int, width: int, area: tuple[float, float], aspect: tuple[float, float] = (3 / 4, 4 / 3)
) -> tuple[int, int, int, int]:
    """Draw (left, top, right, bottom) in whole pixels, right and bottom exclusive; call inside `seeded_draws`.

    Args:
        height: of the picture.
        width: of the picture.
        area: smallest and largest share of the picture's area.
        aspect: smallest and largest width divided by height.
    """
    draw = v2.RandomResizedCrop(1, scale=area, ratio=aspect)
    drawn = draw.make_params([torch.empty(1, height, width)])
    left, top = drawn["left"], drawn["top"]
    return left, top, left + drawn["width"], top + drawn["height"]


def crop_and_resize(image: Tensor, rectangle: tuple[int, int, int, int], size: int) -> Tensor:
    """Cut (left, top, right, bottom) pixels out of uint8 (3, H, W) and scale to (3, size, size), bilinear."""
    left, top, right, bottom = rectangle
    return v2.functional.resized_crop(image, top, left, bottom - top, right - left, [size, size], antialias=True)


def sample_seed(*parts: object) -> int:
    """A seed for `seeded_draws` from whatever names a sample, for example (seed, step, position, "query")."""
    return random.Random("/".join(str(part) for part in parts)).getrandbits(63)


@contextmanager
def seeded_draws(seed: int) -> Iterator[None]:
    """Inside, torch's CPU generator starts from `seed`; outside, it goes on as if nothing had happened."""
    # Of the CPU alone: `torch.manual_seed` would also note a seed and a call stack for every other kind of device.
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)
