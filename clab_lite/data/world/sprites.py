"""From an individual and a pose to its shapes in the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from clab_lite.data.world.animals import bird, dog, snake, turtle
from clab_lite.data.world.geometry import Points, Shape, rotate
from clab_lite.data.world.looks import Look
from clab_lite.data.world.vehicles import airplane, bicycle, car, watercraft

SPRITES: dict[str, Callable[[Look, float, float], list[Shape]]] = {
    "airplane": airplane,
    "bicycle": bicycle,
    "bird": bird,
    "car": car,
    "dog": dog,
    "snake": snake,
    "turtle": turtle,
    "watercraft": watercraft,
}


@dataclass(frozen=True)
class Pose:
    """Where and how an object is at one instant.

    Attributes:
        x, y: centre in pixels of the frame (pixel centres lie at .5).
        length: size of one object unit in pixels.
        angle: rotation in radians, clockwise on the screen.
        facing: +1 looks right, -1 looks left.
        phase, swing: see ``vehicles``.
        bend, shear: strength of the body's bending and slanting, 0 for a rigid body.
    """

    x: float
    y: float
    length: float
    angle: float
    facing: int
    phase: float
    swing: float
    bend: float = 0.0
    shear: float = 0.0


def pose_shapes(class_name: str, look: Look, pose: Pose) -> list[Shape]:
    """Shapes of one object in frame pixels, from back to front."""
    shapes = SPRITES[class_name](look, pose.phase, pose.swing)
    return [
        replace(
            shape,
            points=_to_frame(shape.points, pose, 1 + 0.12 * look.traits[7]),
            width=None if shape.width is None else shape.width * pose.length,
        )
        for shape in shapes
    ]


def _to_frame(points: Points, pose: Pose, height: float) -> Points:
    x, y = points[:, 0], points[:, 1] * height
    y = y + pose.bend * (x**2 - 0.08)  # a parabola bows the body, its mean stays in place
    x = x + pose.shear * y
    flat = np.stack((x * pose.facing, y), 1)
    return rotate(flat, pose.angle) * pose.length + (pose.x, pose.y)
