"""Things that are not objects: rocks, bushes, clouds, poles, signs. They distract, and they stand in front.

Every function draws around the origin, about 1 large, from its own random numbers.
"""

from __future__ import annotations

import numpy as np

from clab_lite.data.world.geometry import Colour, Shape, blob, ellipse, line, polygon
from clab_lite.data.world.looks import shade

_LEAVES: tuple[Colour, ...] = ((84, 108, 70), (104, 112, 72), (70, 96, 84))
_STONES: tuple[Colour, ...] = ((132, 128, 122), (112, 108, 110), (146, 134, 118))
_WOOD: Colour = (104, 90, 78)
_METAL: Colour = (120, 126, 132)
SCENERY_KINDS = ("rock", "bush", "cloud", "pole", "sign")
OCCLUDER_KINDS = ("pole", "bush", "sign")


def draw_scenery(kind: str, rng: np.random.Generator) -> list[Shape]:
    """One piece of scenery of a kind from ``SCENERY_KINDS``, centred, about 1 high."""
    if kind == "rock":
        return _rock(rng)
    if kind == "bush":
        return _bush(rng)
    if kind == "cloud":
        return _cloud(rng)
    if kind == "pole":
        return _pole(rng)
    return _sign(rng)


def _rock(rng: np.random.Generator) -> list[Shape]:
    colour = _STONES[int(rng.integers(len(_STONES)))]
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    points = np.stack((0.5 * np.cos(turn), 0.34 * np.sin(turn)), 1) * rng.uniform(0.8, 1.15, (8, 1))
    points[:, 1] = np.minimum(points[:, 1], 0.22)
    return [blob(points, colour), blob(points * (0.6, 0.5) + (-0.06, -0.1), shade(colour, 1.15))]


def _bush(rng: np.random.Generator) -> list[Shape]:
    colour = _LEAVES[int(rng.integers(len(_LEAVES)))]
    shapes = []
    for index in range(9):
        turn = index * 2.4 + rng.uniform(-0.3, 0.3)
        reach = 0.30 * np.sqrt(index / 8)
        centre = (reach * np.cos(turn) * 1.15, reach * np.sin(turn))
        radius = float(rng.uniform(0.17, 0.24))
        shapes.append(ellipse(centre, (radius, radius * 0.9), shade(colour, float(rng.uniform(0.8, 1.12)))))
    return shapes


def _cloud(rng: np.random.Generator) -> list[Shape]:
    colour = (226, 230, 234)
    widths = rng.uniform(0.16, 0.27, 4)
    shapes = [ellipse((x, 0.04 - radius * 0.4), (radius * 1.25, radius * 0.8), colour) for x, radius in
              zip((-0.42, -0.12, 0.18, 0.44), widths, strict=True)]  # fmt: skip
    return [*shapes, ellipse((0, 0.06), (0.68, 0.11), shade(colour, 0.95))]


def _pole(rng: np.random.Generator) -> list[Shape]:
    colour = _WOOD if rng.random() < 0.5 else _METAL
    light = shade(colour, 1.2)
    return [line([(0, -0.5), (0, 0.5)], 0.13, colour), line([(-0.03, -0.5), (-0.03, 0.5)], 0.03, light)]


def _sign(rng: np.random.Generator) -> list[Shape]:
    colour = ((196, 178, 132), (150, 168, 176), (178, 150, 142))[int(rng.integers(3))]
    return [
        line([(0, -0.1), (0, 0.5)], 0.07, _METAL),
        polygon([(-0.33, -0.48), (0.33, -0.48), (0.33, -0.02), (-0.33, -0.02)], shade(colour, 0.75)),
        polygon([(-0.28, -0.43), (0.28, -0.43), (0.28, -0.07), (-0.28, -0.07)], colour),
        line([(-0.18, -0.32), (0.18, -0.32)], 0.04, shade(colour, 0.6)),
        line([(-0.18, -0.19), (0.08, -0.19)], 0.04, shade(colour, 0.6)),
    ]
