"""From a plan to pixels and annotations: one video, a pure function of (config, split, number)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.classes import TROUBLES
from clab_lite.data.world.backgrounds import landscape, window
from clab_lite.data.world.config import WorldConfig
from clab_lite.data.world.degrade import defocus, low_light, noise
from clab_lite.data.world.occluders import Occluder, plan_occluder
from clab_lite.data.world.plan import Actor, VideoPlan, plan_video
from clab_lite.data.world.rasterise import Layer, compose, frame_mask, rasterise
from clab_lite.data.world.surface import paint_surface

MIN_VISIBLE = 0.25  # an object with less of its area inside the frame is not annotated
TRUNCATED_BELOW = 0.92  # ... and with less than this the frame carries the trouble "truncation"
OCCLUDED_ABOVE = 0.10  # covered share of the object from which on it is flagged as occluded
EXPOSURE = 0.95  # shutter time of a blurred frame, in frame intervals, at strength 1
_BLUR_STEPS = 9
_BLUR_PIXELS = 2.5  # a shorter streak (192x128 pixels) is not called motion blur


@dataclass(frozen=True)
class RenderedObject:
    """One annotated object of one frame.

    Attributes:
        track: id of the object inside its video, from 0.
        class_name: one of ``WorldConfig.classes``.
        box: (xmin, ymin, xmax, ymax) whole pixels, 0-based, both ends included: tight around the object's mask
            inside the frame. The part hidden behind something in front counts as visible (as in ImageNet VID);
            in a motion-blurred frame it is the mask at the middle of the exposure.
        occluded: whether at least 10 % of the object is hidden behind something.
        generated: whether the box counts as interpolated; here simply every odd frame.
        visible: share of the object's area inside the frame, 0.25 to 1.
        covered: share of the object inside the frame that is hidden behind something, 0 to 1.
    """

    track: int
    class_name: str
    box: tuple[int, int, int, int]
    occluded: bool
    generated: bool
    visible: float
    covered: float


@dataclass(frozen=True)
class RenderedVideo:
    """Frames (F, H, W, 3) uint8 RGB before JPEG coding, and per frame its objects and the names of its troubles."""

    frames: NDArray[np.uint8]
    objects: tuple[tuple[RenderedObject, ...], ...]
    troubles: tuple[tuple[str, ...], ...]


def render_video(config: WorldConfig, split: str, number: int) -> RenderedVideo:
    """Render video ``number`` (0-based) of ``split``. The result depends on nothing but the three arguments."""
    plan = plan_video(config, split, number)
    occluder = plan_occluder(plan, config)
    frames, objects, troubles = [], [], []
    for frame in range(config.frames(split)):
        pixels, found, names = _render_frame(config, plan, occluder, frame)
        frames.append(pixels)
        objects.append(found)
        troubles.append(names)
    return RenderedVideo(np.stack(frames), tuple(objects), tuple(troubles))


def _render_frame(
    config: WorldConfig, plan: VideoPlan, occluder: Occluder | None, frame: int
) -> tuple[NDArray[np.uint8], tuple[RenderedObject, ...], tuple[str, ...]]:
    warp = _strength(plan, "deformation", frame)
    layers = [_actor_layer(actor, frame, warp, config.unit) for actor in plan.actors]
    front = None if occluder is None else occluder.layer(frame)
    found, troubles = _annotate(config, plan, layers, front, frame)
    exposure = min(EXPOSURE * _strength(plan, "motion_blur", frame), 1.0)
    if exposure > 0 and _streak(plan, frame, exposure) >= _BLUR_PIXELS * config.unit:
        troubles.add("motion_blur")
        image = _exposed(config, plan, occluder, frame, exposure)
    else:
        image = _scene(config, plan, layers, front, frame)
    for name in ("deformation", "defocus", "low_light", "noise"):
        if plan.episode(name, frame):
            troubles.add(name)
    image = _camera_troubles(image, config, plan, frame)
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels, tuple(found), tuple(name for name in TROUBLES if name in troubles)


def _strength(plan: VideoPlan, trouble: str, frame: int) -> float:
    episode = plan.episode(trouble, frame)
    return 0.0 if episode is None else episode.strength


def _actor_layer(actor: Actor, time: float, warp: float, unit: float) -> Layer:
    return paint_surface(rasterise(actor.shapes(time, warp), outline=0.8 * unit), actor)


def _scene(
    config: WorldConfig, plan: VideoPlan, layers: list[Layer], front: Layer | None, time: float
) -> NDArray[np.float32]:
    """The world at one instant: landscape, actors from back to front, the thing in front of them."""
    land = landscape(config.seed, plan.camera.landscape, config.width, config.height)
    image = window(land, *plan.camera.corner(time), config.width, config.height)
    for layer in layers:
        compose(image, layer)
    if front is not None:
        compose(image, front)
    return image


def _exposed(
    config: WorldConfig, plan: VideoPlan, occluder: Occluder | None, frame: int, exposure: float
) -> NDArray[np.float32]:
    """The mean of the world over the exposure: every object is smeared along its own true velocity."""
    total = np.zeros((config.height, config.width, 3), np.float32)
    for step in range(_BLUR_STEPS):
        time = frame + exposure * ((step + 0.5) / _BLUR_STEPS - 0.5)
        layers = [_actor_layer(actor, time, 0.0, config.unit) for actor in plan.actors]
        total += _scene(config, plan, layers, None if occluder is None else occluder.layer(time), time)
    return total / np.float32(_BLUR_STEPS)


def _streak(plan: VideoPlan, frame: int, exposure: float) -> float:
    """Longest way in pixels that an actor covers during the exposure."""
    ways = []
    for actor in plan.actors:
        first, last = actor.pose(frame - exposure / 2), actor.pose(frame + exposure / 2)
        ways.append(float(np.hypot(last.x - first.x, last.y - first.y)))
    return max(ways, default=0.0)


def _camera_troubles(
    image: NDArray[np.float32], config: WorldConfig, plan: VideoPlan, frame: int
) -> NDArray[np.float32]:
    if strength := _strength(plan, "defocus", frame):
        image = defocus(image, 2.3 * strength * config.unit)
    if strength := _strength(plan, "low_light", frame):
        image = low_light(image, strength)
    if strength := _strength(plan, "noise", frame):
        image = noise(image, strength, np.random.default_rng([*plan.render_seed, frame]))
    return image


def _annotate(
    config: WorldConfig, plan: VideoPlan, layers: list[Layer], front: Layer | None, frame: int
) -> tuple[list[RenderedObject], set[str]]:
    """The objects of a frame in track order, and the troubles that are measured: truncation and occlusion."""
    masks = [frame_mask(layer, config.height, config.width) for layer in layers]
    before = [*masks, np.zeros_like(masks[0]) if front is None else frame_mask(front, config.height, config.width)]
    found: list[RenderedObject] = []
    troubles: set[str] = set()
    for track, (actor, layer, mask) in enumerate(zip(plan.actors, layers, masks, strict=True)):
        inside = int(mask.sum())
        visible = inside / max(int(layer.mask.sum()), 1)
        if visible < TRUNCATED_BELOW and inside > 0:
            troubles.add("truncation")
        if visible < MIN_VISIBLE:
            continue
        hidden = np.logical_or.reduce(before[track + 1 :])
        covered = int((mask & hidden).sum()) / inside
        occluded = covered >= OCCLUDED_ABOVE
        if occluded:
            troubles.add("occlusion")
        found.append(
            RenderedObject(track, actor.class_name, tight_box(mask), occluded, frame % 2 == 1, visible, covered)
        )
    return found, troubles


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """(xmin, ymin, xmax, ymax) of the True pixels of a non-empty (H, W) mask, both ends included."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
