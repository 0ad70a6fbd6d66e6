"""The colour and size changes of a clip, against a slow twin with one step after another."""

from __future__ import annotations

import random

import pytest
import torch
from torch.testing import assert_close

from clab_lite.config import DataConfig, FrameConfig
from clab_lite.data.augment import ClipAugmentation
from clab_lite.data.transforms import normalise


def slowly(image: torch.Tensor, key: torch.Tensor, augmentation: ClipAugmentation) -> torch.Tensor:
    """Saturation, then contrast around the key's mean grey, then brightness."""

    def grey(picture):
        return 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2]

    mean = grey(key.double()).mean()
    picture = image.double()
    picture = augmentation.saturation * picture + (1 - augmentation.saturation) * grey(picture)
    picture = augmentation.contrast * picture + (1 - augmentation.contrast) * mean
    return normalise((augmentation.brightness * picture).clamp(0, 255).float())


@pytest.mark.parametrize(
    ("brightness", "contrast", "saturation"),
    [(1.3, 1.0, 1.0), (1.0, 0.6, 1.0), (1.0, 1.0, 0.2), (0.8, 1.4, 1.3), (1.0, 1.0, 1.0)],
)
def test_colours_change_as_step_by_step(brightness, contrast, saturation):
    augmentation = ClipAugmentation(64, 48, False, brightness, contrast, saturation)
    images = [torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8) for _ in range(3)]
    frames, scales = augmentation.frames(images)
    assert scales == [(1.0, 1.0)] * 3
    for image, frame in zip(images, frames, strict=True):
        assert_close(frame, slowly(image, images[0], augmentation), rtol=1e-4, atol=1e-4)


def test_draws_stay_in_their_ranges_and_fill_them():
    config = DataConfig(flip=0.3, colour_jitter=0.4, scale_jitter=0.1)
    rng = random.Random(0)
    drawn = [ClipAugmentation.draw(config, FrameConfig(200, 100), rng) for _ in range(400)]
    for name in ("brightness", "contrast", "saturation"):
        values = [getattr(augmentation, name) for augmentation in drawn]
        assert 0.6 <= min(values) < 0.63
        assert 1.37 < max(values) <= 1.4
    assert 180 <= min(augmentation.long_side for augmentation in drawn) < 183
    assert all(abs(a.long_side - 2 * a.short_side) <= 1 for a in drawn)
    assert 0.2 < sum(augmentation.flip for augmentation in drawn) / 400 < 0.4


def test_the_official_settings_only_flip():
    drawn = [ClipAugmentation.draw(DataConfig(), FrameConfig(), random.Random(seed)) for seed in range(20)]
    assert {(a.long_side, a.short_side, a.brightness, a.contrast, a.saturation) for a in drawn} == {
        (1000, 600, 1.0, 1.0, 1.0)
    }
    assert {a.flip for a in drawn} == {True, False}
