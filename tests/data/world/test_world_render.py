"""A video is a pure function of (config, split, number), and its troubles are what they are called."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from clab_lite.data.classes import TROUBLES
from clab_lite.data.world import WorldConfig, render_video
from clab_lite.data.world.plan import plan_video
from clab_lite.errors import DataError

CONFIG = WorldConfig(seed=3, width=96, height=64, train_videos=10, val_videos=30, train_frames=4, val_frames=5)
_CODE = """
import hashlib
from clab_lite.data.world import WorldConfig, render_video
config = WorldConfig(seed=3, width=96, height=64, train_videos=10, val_videos=30, train_frames=4, val_frames=5)
print(hashlib.sha256(render_video(config, "val", 7).frames.tobytes()).hexdigest())
"""


def _hash(config: WorldConfig, split: str, number: int) -> str:
    return hashlib.sha256(render_video(config, split, number).frames.tobytes()).hexdigest()


def test_the_same_video_has_the_same_pixels_whatever_was_rendered_before() -> None:
    first = _hash(CONFIG, "val", 7)
    render_video(CONFIG, "train", 2)
    assert _hash(CONFIG, "val", 7) == first
    assert _hash(WorldConfig(**{**CONFIG.to_dict(), "workers": 4, "jpeg_quality": 50}), "val", 7) == first


def test_another_process_renders_the_same_pixels() -> None:
    found = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True).stdout.strip()
    assert found == _hash(CONFIG, "val", 7)


def test_seed_split_and_number_change_the_pixels() -> None:
    other = WorldConfig(**{**CONFIG.to_dict(), "seed": 4})
    hashes = {
        _hash(CONFIG, "val", 7),
        _hash(CONFIG, "val", 8),
        _hash(CONFIG, "train", 7),
        _hash(other, "val", 7),
    }
    assert len(hashes) == 4


def test_shapes_and_records_agree() -> None:
    video = render_video(CONFIG, "train", 0)
    assert video.frames.shape == (4, 64, 96, 3)
    assert video.frames.dtype == np.uint8
    assert len(video.objects) == len(video.troubles) == 4
    for frame, objects in enumerate(video.objects):
        assert [item.track for item in objects] == sorted({item.track for item in objects})
        assert all(item.generated == (frame % 2 == 1) for item in objects)
        assert all(item.occluded == (item.covered >= 0.10) and item.visible >= 0.25 for item in objects)


def test_strength_zero_leaves_no_trouble_and_every_trouble_appears_otherwise() -> None:
    calm = WorldConfig(**{**CONFIG.to_dict(), "trouble_strength": 0.0})
    assert not any(plan_video(calm, "val", number).episodes for number in range(30))
    planned = {episode.trouble for number in range(30) for episode in plan_video(CONFIG, "val", number).episodes}
    assert planned == set(TROUBLES)


@pytest.mark.parametrize("trouble", ["defocus", "low_light", "noise", "motion_blur"])
def test_a_camera_trouble_changes_the_pixels_as_named(trouble: str) -> None:
    """The same video with and without troubles: detail, light and grain change in the right direction."""
    numbers = [n for n in range(30) if [e.trouble for e in plan_video(CONFIG, "val", n).episodes] == [trouble]]
    video = render_video(CONFIG, "val", numbers[0])
    frame = next(index for index, names in enumerate(video.troubles) if names == (trouble,))
    episode = plan_video(CONFIG, "val", numbers[0]).episodes[0]
    assert episode.covers(frame)
    clean = _without_trouble(numbers[0], frame)
    spoiled = video.frames[frame].astype(float)
    detail, light = _detail(spoiled) / _detail(clean), spoiled.mean() / clean.mean()
    if trouble == "low_light":
        assert light < 0.6
        return
    assert 0.9 < light < 1.1
    assert detail > 1.5 if trouble == "noise" else detail < 0.95


def _without_trouble(number: int, frame: int) -> np.ndarray:
    """The frame rendered from the same plan with its episodes removed."""
    from dataclasses import replace

    from clab_lite.data.world import render

    plan = replace(plan_video(CONFIG, "val", number), episodes=())
    pixels, _, troubles = render._render_frame(CONFIG, plan, None, frame)
    assert troubles == ()
    return pixels.astype(float)


def _detail(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image, axis=1)).mean())


def test_long_videos_and_other_sizes_keep_their_objects() -> None:
    config = WorldConfig(width=64, height=160, train_videos=2, val_videos=1, train_frames=60, trouble_strength=0.0)
    video = render_video(config, "train", 1)
    assert all(objects and objects[0].visible == 1.0 for objects in video.objects)


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises((DataError, ValueError), match="test"):
        render_video(CONFIG, "test", 0)
