"""The thing that passes in front of the main object during an occlusion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clab_lite.data.world.config import WorldConfig
from clab_lite.data.world.geometry import Shape, moved, scaled
from clab_lite.data.world.plan import Actor, VideoPlan
from clab_lite.data.world.rasterise import Layer, rasterise
from clab_lite.data.world.scenery import OCCLUDER_KINDS, draw_scenery


@dataclass(frozen=True)
class Occluder:
    """A bush, a sign or a pole that meets ``actor`` at ``time`` and slides over it at ``speed`` pixels per frame."""

    shapes: tuple[Shape, ...]
    actor: Actor
    time: float
    speed: float
    outline: float

    def layer(self, time: float) -> Layer:
        """The occluder's pixels at ``time``."""
        pose = self.actor.pose(time)
        x = pose.x + self.speed * (time - self.time)
        return rasterise(moved(self.shapes, (x, pose.y)), self.outline)


def plan_occluder(plan: VideoPlan, config: WorldConfig) -> Occluder | None:
    """The occluder of a video with an occlusion episode, else None; drawn from the plan's own seed."""
    episode = next((episode for episode in plan.episodes if episode.trouble == "occlusion"), None)
    if episode is None:
        return None
    rng = np.random.default_rng([*plan.render_seed, 10**6])
    actor = plan.actors[0]
    kind = OCCLUDER_KINDS[int(rng.integers(len(OCCLUDER_KINDS)))]
    wide = actor.length * float(rng.uniform(0.34, 0.46)) * min(episode.strength, 1.5)
    shapes = draw_scenery(kind, rng)
    if kind == "pole":  # higher than the frame, and wide enough to hide something
        shapes = [
            replace(shape, points=shape.points * (1, 3 * config.height), width=(shape.width or 0) * wide / 0.16)
            for shape in shapes
        ]
    else:
        shapes = scaled(shapes, wide * 1.7)
    frames = episode.last - episode.first + 1
    # It touches the object's ends at the ends of the episode.
    speed = (wide + 0.7 * actor.length) / (frames + 1) * (1 if rng.random() < 0.5 else -1)
    return Occluder(tuple(shapes), actor, (episode.first + episode.last) / 2, speed, 0.8 * config.unit)
