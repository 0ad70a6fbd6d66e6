"""The configuration: limits, names and the round trip through plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clab_lite.data.classes import TROUBLES, VID_CLASSES
from clab_lite.data.world import WORLD_CLASSES, WorldConfig
from clab_lite.data.world.sprites import SPRITES
from clab_lite.errors import DataError


def test_every_world_class_is_an_imagenet_vid_class_with_a_drawing() -> None:
    assert set(WORLD_CLASSES) <= set(VID_CLASSES)
    assert set(SPRITES) == set(WORLD_CLASSES)
    assert len(TROUBLES) == 7


def test_a_configuration_survives_json() -> None:
    config = WorldConfig(seed=5, classes=("dog", "car"), trouble_strength=0.5)
    assert WorldConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "values",
    [
        {"width": 20},
        {"seed": -1},
        {"train_videos": 0},
        {"val_frames": 1},
        {"jpeg_quality": 100},
        {"trouble_share": 1},
    ],
)
def test_values_out_of_range_are_named(values: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=next(iter(values))):
        WorldConfig(**values)


@pytest.mark.parametrize("classes", [(), ("dog", "dog"), ("unicorn",)])
def test_classes_must_be_known_and_different(classes: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="classes"):
        WorldConfig(classes=classes)


def test_an_unknown_field_or_split_is_named() -> None:
    with pytest.raises(DataError, match="'colour'"):
        WorldConfig.from_dict({"colour": 1})
    with pytest.raises(DataError, match="'test'"):
        WorldConfig().frames("test")
