"""Flat shapes in the plane, the alphabet in which every object of the world is written.

Coordinates are those of one object: its length is about 1, it looks to +x, and y points down.
Points are float arrays (P, 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[int, int, int]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """A filled polygon, or a line with round ends when ``width`` is given.

    Attributes:
        points: (P, 2) corners, in the object's or the frame's coordinates.
        colour: RGB, 0 to 255.
        width: thickness of a line, in the unit of the points; None fills the polygon.
        outlined: whether the silhouette's dark outline runs around this shape.
    """

    points: Points
    colour: Colour
    width: float | None = None
    outlined: bool = True


def polygon(points: ArrayLike, colour: Colour, outlined: bool = True) -> Shape:
    """A filled polygon with straight sides."""
    return Shape(np.asarray(points, float), colour, None, outlined)


def blob(points: ArrayLike, colour: Colour, outlined: bool = True) -> Shape:
    """A filled polygon whose corners are rounded by cutting them twice (Chaikin)."""
    corners = np.asarray(points, float)
    for _ in range(2):
        following = np.roll(corners, -1, axis=0)
        corners = np.stack((0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following), 1).reshape(-1, 2)
    return Shape(corners, colour, None, outlined)


def line(points: ArrayLike, width: float, colour: Colour, outlined: bool = True) -> Shape:
    """A line of constant ``width`` with round ends."""
    return Shape(np.asarray(points, float), colour, width, outlined)


def ellipse(
    centre: Sequence[float], radii: Sequence[float], colour: Colour, angle: float = 0.0, outlined: bool = True
) -> Shape:
    """A filled ellipse; ``angle`` in radians turns it clockwise on the screen."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.stack((radii[0] * np.cos(turn), radii[1] * np.sin(turn)), 1)
    return Shape(rotate(points, angle) + np.asarray(centre, float), colour, None, outlined)


def ring(centre: Sequence[float], radius: float, width: float, colour: Colour) -> Shape:
    """A circle drawn as a line of ``width``."""
    turn = np.linspace(0, 2 * np.pi, 29)
    return Shape(np.stack((np.cos(turn), np.sin(turn)), 1) * radius + np.asarray(centre, float), colour, width)


def taper(spine: ArrayLike, widths: ArrayLike, colour: Colour, outlined: bool = True) -> Shape:
    """A limb or a snake: a band around ``spine`` (P, 2) whose full width follows ``widths`` (P,)."""
    centre = np.asarray(spine, float)
    tangent = np.gradient(centre, axis=0)
    normal = np.stack((-tangent[:, 1], tangent[:, 0]), 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    half = normal * (np.asarray(widths, float)[:, None] / 2)
    return Shape(np.concatenate((centre + half, (centre - half)[::-1])), colour, None, outlined)


def rotate(points: Points, angle: float) -> Points:
    """Turn (P, 2) points about the origin by ``angle`` radians (clockwise on the screen, because y points down)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def shifted(points: Points, x: float, y: float) -> Points:
    """(P, 2) points moved by (x, y)."""
    return points + np.array((x, y))


def moved(shapes: Sequence[Shape], centre: Sequence[float]) -> list[Shape]:
    """The shapes with their origin put at ``centre``."""
    return [replace(shape, points=shape.points + np.asarray(centre, float)) for shape in shapes]


def scaled(shapes: Sequence[Shape], size: float) -> list[Shape]:
    """The shapes enlarged ``size`` times about the origin, widths included."""
    return [
        replace(shape, points=shape.points * size, width=None if shape.width is None else shape.width * size)
        for shape in shapes
    ]
