"""Boxes are tight: checked against the pixels that change when the object is taken out of the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clab_lite.data.world import WORLD_CLASSES, WorldConfig
from clab_lite.data.world import render as render_module
from clab_lite.data.world.plan import VideoPlan, plan_video
from clab_lite.data.world.rasterise import Layer, frame_mask
from clab_lite.data.world.render import tight_box


def _frame(config: WorldConfig, plan: VideoPlan, frame: int) -> tuple[np.ndarray, tuple]:
    pixels, objects, _ = render_module._render_frame(config, plan, None, frame)
    return pixels.astype(int), objects


@pytest.mark.parametrize("class_name", WORLD_CLASSES)
def test_the_box_bounds_the_pixels_the_object_changes(class_name: str) -> None:
    config = WorldConfig(classes=(class_name,), train_videos=3, train_frames=4, trouble_strength=0.0)
    compared = 0
    for number in range(3):
        plan = plan_video(config, "train", number)
        plan = replace(plan, actors=plan.actors[:1])
        empty = replace(plan, actors=(replace(plan.actors[0], start=(-9999.0, -9999.0)),))
        for frame in range(4):
            scene, objects = _frame(config, plan, frame)
            nothing, _ = _frame(config, empty, frame)
            xmin, ymin, xmax, ymax = objects[0].box
            changed = np.abs(scene - nothing).max(2)
            outside = changed.copy()
            outside[ymin : ymax + 1, xmin : xmax + 1] = 0
            # Beyond the box there is at most the faint rim of a pixel that is covered by less than 40 %.
            rows, columns = np.nonzero(outside)
            assert np.all((rows >= ymin - 1) & (rows <= ymax + 1) & (columns >= xmin - 1) & (columns <= xmax + 1))
            # Every side of the box touches the object.
            sides = (changed[ymin, xmin : xmax + 1], changed[ymax, xmin : xmax + 1],
                     changed[ymin : ymax + 1, xmin], changed[ymin : ymax + 1, xmax])  # fmt: skip
            assert all(side.max() > 10 for side in sides)
            compared += 1
    assert compared == 12


def test_tight_box_counts_both_ends() -> None:
    mask = np.zeros((5, 7), bool)
    mask[1, 2] = mask[3, 6] = True
    assert tight_box(mask) == (2, 1, 6, 3)


def test_a_mask_is_cut_at_the_frame_and_its_visible_share_is_measured() -> None:
    rgba = np.ones((4, 4, 4), np.float32)
    mask = frame_mask(Layer(left=-2, top=1, rgba=rgba), height=6, width=6)
    assert tight_box(mask) == (0, 1, 1, 4)
    assert mask.sum() == 8
    assert not frame_mask(Layer(left=9, top=9, rgba=rgba), 6, 6).any()


def test_truncated_objects_reach_the_border_and_stay_inside_the_frame() -> None:
    config = WorldConfig(val_videos=64)
    plans = {number: plan_video(config, "val", number) for number in range(64)}
    numbers = [n for n, plan in plans.items() if any(e.trouble == "truncation" for e in plan.episodes)]
    assert len(numbers) >= 4
    touched = 0
    for number in numbers[:4]:
        for objects, troubles in zip(*_objects(config, number), strict=True):
            cut = [item for item in objects if item.visible < 0.92]
            assert bool(cut) <= ("truncation" in troubles)
            for item in cut:
                assert item.box[0] == 0 or item.box[2] == config.width - 1
                touched += 1
    assert touched > 4


def _objects(config: WorldConfig, number: int) -> tuple[tuple, tuple]:
    video = render_module.render_video(config, "val", number)
    return video.objects, video.troubles


def test_an_occluded_object_keeps_its_whole_box() -> None:
    """The box does not depend on the thing in front, only the flag does."""
    config = WorldConfig(val_videos=64)
    number = next(n for n in range(64) if any(e.trouble == "occlusion" for e in plan_video(config, "val", n).episodes))
    video = render_module.render_video(config, "val", number)
    plan = plan_video(config, "val", number)
    frame = next(index for index, objects in enumerate(video.objects) if any(item.covered > 0.15 for item in objects))
    _, free = _frame(config, plan, frame)
    assert [item.box for item in free] == [item.box for item in video.objects[frame]]
    assert "occlusion" in video.troubles[frame]
