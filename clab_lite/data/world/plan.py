"""The plan of one video: who appears, where they go, which troubles come when. No pixels yet.

Everything is a pure function of (config, split, number); no state is shared between videos.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.classes import TROUBLES
from clab_lite.data.world.backgrounds import POOL_SIZE, TALL, WIDE
from clab_lite.data.world.config import SPLITS, WorldConfig
from clab_lite.data.world.geometry import Shape
from clab_lite.data.world.looks import Look, draw_look
from clab_lite.data.world.motion import Camera, Path, draw_camera, draw_path
from clab_lite.data.world.sprites import Pose, pose_shapes

_SIZES = {"slow": (52.0, 92.0), "medium": (42.0, 90.0), "fast": (40.0, 70.0)}  # pixels of the reference frame
_CLASS_SIZE = {
    "airplane": 1.03, "bicycle": 1.0, "bird": 0.95, "car": 0.92, "dog": 0.9, "snake": 1.02, "turtle": 0.92,
    "watercraft": 0.9,
}  # fmt: skip
# Videos take turns; fewer fast ones, because deformation and cut boxes lower the motion IoU of the others.
_MOTIONS = ("slow", "fast", "medium", "slow", "medium", "fast", "slow", "medium")
_TROUBLED = 0.7  # share of the videos that have an episode, when half of all frames are to carry a trouble


@dataclass(frozen=True)
class Episode:
    """A stretch of frames ``first`` .. ``last`` (inclusive) that carries one trouble of a given strength."""

    trouble: str
    first: int
    last: int
    strength: float

    def covers(self, frame: int) -> bool:
        """Whether the frame lies in the episode."""
        return self.first <= frame <= self.last


@dataclass(frozen=True)
class Actor:
    """One object over the whole video; ``start`` is its centre in frame pixels where its path has offset zero."""

    class_name: str
    look: Look
    path: Path
    start: tuple[float, float]
    length: float
    growth: float
    angle: float
    facing: int
    phase: float
    phase_rate: float
    swing: float

    def pose(self, time: float, warp: float = 0.0) -> Pose:
        """The pose at ``time``; ``warp`` above 0 deforms the body."""
        x, y = self.path.offset(time)
        progress = time / max(self.path.frames - 1, 1) - 0.5
        phase = self.phase + self.phase_rate * time
        turn = 1.1 * time + self.phase
        return Pose(
            x=self.start[0] + x,
            y=self.start[1] + y,
            length=self.length * (1 + self.growth * progress),
            angle=self.angle,
            facing=self.facing * self.path.heading(time),
            phase=phase,
            swing=self.swing + (max(1.5 - self.swing, 0.5) * min(warp, 1.5) if warp else 0),
            bend=0.75 * warp * float(np.sin(turn)),
            shear=0.50 * warp * float(np.cos(turn * 0.8)),
        )

    def shapes(self, time: float, warp: float = 0.0) -> list[Shape]:
        """The actor's shapes in frame pixels at ``time``."""
        return pose_shapes(self.class_name, self.look, self.pose(time, warp))


@dataclass(frozen=True)
class VideoPlan:
    """Everything that decides the pixels of one video.

    ``actors`` are ordered from back to front; ``actors[0]`` is the main one, to which occlusions and cuts happen.
    """

    actors: tuple[Actor, ...]
    camera: Camera
    episodes: tuple[Episode, ...]
    render_seed: tuple[int, ...]

    def episode(self, trouble: str, frame: int) -> Episode | None:
        """The episode of ``trouble`` that covers ``frame``, if there is one."""
        return next((e for e in self.episodes if e.trouble == trouble and e.covers(frame)), None)


def plan_video(config: WorldConfig, split: str, number: int) -> VideoPlan:
    """Plan video ``number`` (0-based) of ``split``."""
    frames = config.frames(split)
    seed = (config.seed, SPLITS.index(split), number)
    rng = np.random.default_rng([*seed, 1])
    episodes = _draw_episodes(config, split, number, frames, rng)
    actors = _draw_actors(config, split, number, frames, [episode.trouble for episode in episodes], rng)
    room = ((WIDE - 1) * config.width - 2, (TALL - 1) * config.height - 2)
    return VideoPlan(tuple(actors), draw_camera(POOL_SIZE, room, config.unit, rng), tuple(episodes), (*seed, 2))


def _draw_episodes(
    config: WorldConfig, split: str, number: int, frames: int, rng: np.random.Generator
) -> list[Episode]:
    """Each troubled video carries one trouble, or low light together with noise; troubles take turns."""
    share = _TROUBLED * config.trouble_share / 0.5
    # Counting troubled videos lets the seven troubles take turns exactly, however many videos there are.
    turn = int(np.floor((number + 1) * min(share, 1))) - 1
    if config.trouble_strength == 0 or int(np.floor(number * min(share, 1))) == turn + 1:
        return []
    order = np.random.default_rng([config.seed, SPLITS.index(split), 3]).permutation(len(TROUBLES))
    trouble = TROUBLES[order[turn % len(TROUBLES)]]
    length = max(round(frames * float(rng.uniform(0.5, 0.9)) * max(share, 1)), 1)
    length = min(length, frames)
    first = int(rng.integers(frames - length + 1))
    strength = config.trouble_strength * float(rng.uniform(0.8, 1.25))
    episodes = [Episode(trouble, first, first + length - 1, strength)]
    if trouble == "low_light" and rng.random() < 0.5:
        episodes.append(replace(episodes[0], trouble="noise"))
    return episodes


def _draw_actors(
    config: WorldConfig, split: str, number: int, frames: int, troubles: list[str], rng: np.random.Generator
) -> list[Actor]:
    order = np.random.default_rng([config.seed, SPLITS.index(split), 4]).permutation(len(config.classes))
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))
    actors: list[Actor] = []
    taken: list[NDArray[np.float64]] = []
    for position in range(count):
        index = order[number % len(order)] if position == 0 else rng.integers(len(order))
        motion = _MOTIONS[(number // len(order) + number + 2 * position) % len(_MOTIONS)]
        if "motion_blur" in troubles and position == 0:
            motion = "fast"
        cut = "truncation" in troubles and position == 0
        placed = _place(config, config.classes[index], motion, frames, cut, taken, rng)
        if placed is not None:
            actors.append(placed[0])
            taken.append(placed[1])
    return actors


def _place(
    config: WorldConfig, class_name: str, motion: str, frames: int, cut: bool,
    taken: list[NDArray[np.float64]], rng: np.random.Generator,
) -> tuple[Actor, NDArray[np.float64]] | None:  # fmt: skip
    """An actor that stays in the frame and apart from the others, with its boxes (frames, 4); None if none fits."""
    actor = _draw_actor(config, class_name, motion, frames, rng)
    for attempt in range(60):
        extent = _extent(actor, frames)
        low = 2 - extent[:, :2].min(0)
        high = np.array([config.width, config.height]) - 2 - extent[:, 2:].max(0)
        if np.all(high >= low):
            start = rng.uniform(low, high)
            if cut:
                start = _over_the_edge(config, actor, extent, start, rng)
            boxes = extent + np.tile(start, 2)
            if all(_apart(boxes, other) for other in taken):
                return replace(actor, start=(float(start[0]), float(start[1]))), boxes
        if attempt % 3 == 2 or not np.all(high >= low):
            actor = _smaller(actor, 0.93)
    return None


def _draw_actor(config: WorldConfig, class_name: str, motion: str, frames: int, rng: np.random.Generator) -> Actor:
    low, high = _SIZES[motion]
    length = float(np.exp(rng.uniform(np.log(low), np.log(high)))) * _CLASS_SIZE[class_name] * config.unit
    path = draw_path(motion, length, frames, span=0.7 * config.width, rng=rng)
    calm = motion == "slow"
    return Actor(
        class_name=class_name,
        look=draw_look(class_name, rng),
        path=path,
        start=(0.0, 0.0),
        length=length,
        growth=0.0 if calm else float(rng.uniform(-0.12, 0.12)),
        angle=float(rng.uniform(-0.26, 0.26)) * float(rng.random()),
        facing=1 if path.speed_x >= 0 else -1,
        phase=float(rng.uniform(0, 2 * np.pi)),
        phase_rate=float(rng.uniform(0.1, 0.3) if calm else rng.uniform(0.5, 1.0)),
        swing=float(rng.uniform(0.05, 0.25) if calm else rng.uniform(0.6, 1.1)),
    )


def _extent(actor: Actor, frames: int) -> NDArray[np.float64]:
    """(frames, 4) boxes of the actor around a start at the origin."""
    boxes = []
    for frame in range(frames):
        points = np.concatenate([shape.points for shape in actor.shapes(frame)])
        boxes.append(np.concatenate((points.min(0), points.max(0))))
    return np.array(boxes)


def _over_the_edge(
    config: WorldConfig, actor: Actor, extent: NDArray[np.float64], start: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Shift the start sideways so that a good third of the actor lies outside at one end of its path."""
    outside = float(rng.uniform(0.30, 0.52))
    leaves = rng.random() < 0.5
    frame = len(extent) - 1 if leaves else 0
    to_right = (actor.path.speed_x >= 0) == leaves
    left, right = extent[frame, 0], extent[frame, 2]
    if to_right:
        return np.array([config.width - right + outside * (right - left), start[1]])
    return np.array([-left - outside * (right - left), start[1]])


def _apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    gap = np.maximum(first[:, :2], second[:, :2]) - np.minimum(first[:, 2:], second[:, 2:])
    return bool(np.all(gap.max(1) > 2))


def _smaller(actor: Actor, factor: float) -> Actor:
    path = actor.path
    slower = replace(path, speed_x=path.speed_x * factor, speed_y=path.speed_y * factor, sway=path.sway * factor)
    return replace(actor, length=actor.length * factor, path=slower)
