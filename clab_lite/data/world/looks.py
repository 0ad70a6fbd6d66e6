"""How one individual of a class looks: its colours and proportions, which stay the same over its track."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from clab_lite.data.world.geometry import Colour

TYPICAL_SHARE = 0.85  # of the individuals wear the colour of their class: random colours are too hard to learn


@dataclass(frozen=True)
class Look:
    """One individual.

    Attributes:
        body, accent: the two colours of the individual, RGB.
        traits: eight numbers from -1 to 1; a class reads its proportions and variants from them.
        typical: whether ``body`` has the typical hue of the class.
        texture_seed: selects the surface texture.
    """

    body: Colour
    accent: Colour
    traits: tuple[float, ...]
    typical: bool
    texture_seed: int


# Class -> (hue, hue spread, saturation, value) of the body and of the accent.
_Hsv = tuple[float, float, float, float]
_TYPICAL: dict[str, tuple[_Hsv, _Hsv]] = {
    "airplane": ((0.58, 0.04, 0.06, 0.95), (0.99, 0.03, 0.80, 0.85)),
    "bicycle": ((0.86, 0.03, 0.72, 0.80), (0.12, 0.03, 0.30, 0.95)),
    "bird": ((0.60, 0.03, 0.75, 0.85), (0.13, 0.02, 0.30, 0.98)),
    "car": ((0.99, 0.015, 0.85, 0.85), (0.55, 0.03, 0.25, 0.96)),
    "dog": ((0.075, 0.015, 0.62, 0.66), (0.09, 0.02, 0.32, 0.95)),
    "snake": ((0.17, 0.02, 0.80, 0.88), (0.08, 0.05, 0.70, 0.22)),
    "turtle": ((0.37, 0.03, 0.70, 0.50), (0.19, 0.03, 0.50, 0.78)),
    "watercraft": ((0.64, 0.02, 0.70, 0.42), (0.10, 0.02, 0.08, 0.99)),
}


def draw_look(class_name: str, rng: np.random.Generator) -> Look:
    """Draw an individual of ``class_name``: 85 % wear the class's hue, the others any saturated hue."""
    body, accent = _TYPICAL[class_name]
    typical = bool(rng.random() < TYPICAL_SHARE)
    if not typical:
        body = (float(rng.random()), 0.0, 0.65, 0.75)
    return Look(
        body=_draw_colour(body, rng),
        accent=_draw_colour(accent, rng),
        traits=tuple(float(value) for value in rng.uniform(-1, 1, 8)),
        typical=typical,
        texture_seed=int(rng.integers(2**31)),
    )


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (``factor`` < 1) or lighter (> 1, towards white)."""
    if factor <= 1:
        return _colour([channel * factor for channel in colour])
    return _colour([channel + (255 - channel) * (factor - 1) for channel in colour])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second colour in the first."""
    return _colour([a + (b - a) * share for a, b in zip(first, second, strict=True)])


def _draw_colour(hsv: _Hsv, rng: np.random.Generator) -> Colour:
    hue, spread, saturation, value = hsv
    hue = (hue + spread * float(rng.uniform(-1, 1))) % 1
    saturation = min(max(saturation * float(rng.uniform(0.82, 1.15)), 0), 1)
    value = min(max(value * float(rng.uniform(0.88, 1.1)), 0), 1)
    return _colour([channel * 255 for channel in colorsys.hsv_to_rgb(hue, saturation, value)])


def _colour(channels: list[float]) -> Colour:
    red, green, blue = (round(min(max(channel, 0), 255)) for channel in channels)
    return red, green, blue
