"""Configs go through JSON and come back equal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.errors import DataError
from clab_lite.methods.crosscl.config import CrossCLConfig, lite
from clab_lite.training.saved_config import config_from_dict, config_to_dict, differences, settings_from_dict

_PLACE = Path("config.json")


@pytest.mark.parametrize("config", [presets.tiny(), presets.laptop(), presets.paper("x101")], ids=lambda c: c.name)
def test_round_trip_through_json(config: Config) -> None:
    values = json.loads(json.dumps(config_to_dict(config)))
    assert values == config_to_dict(config)
    assert config_from_dict(values, _PLACE) == config


def test_an_unknown_field_is_named_with_the_closest() -> None:
    values = config_to_dict(Config())
    values["train"]["lerning_rate"] = 1
    with pytest.raises(DataError, match=r"train\.lerning_rate.*'learning_rate'"):
        config_from_dict(values, _PLACE)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": 3}, "field train: is 3, not a table"),
        ({"train": {"seed": "0"}}, r"TrainConfig\.seed is '0'"),
        ({"detector": {"backbone": {"architecture": "vgg"}}}, r"architecture is 'vgg'.*'resnet50'"),
        ({"detector": {"rpn": {"anchors": {"stride": 8}}}}, r"stride is 8\. It takes 16"),
    ],
)
def test_bad_values_are_named_with_the_file(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"config\.json.*{message}"):
        config_from_dict(changed, _PLACE)


@pytest.mark.parametrize(("earlier", "now"), [(False, lite()), (True, lite(gather="deepest"))])
def test_a_pretraining_of_before_can_go_on(earlier: bool, now: CrossCLConfig) -> None:
    """CrossCL's `gather` was true or false."""
    values = config_to_dict(now) | {"gather": earlier}
    assert settings_from_dict(CrossCLConfig, values, _PLACE) == now


def test_differences_name_the_fields() -> None:
    config = presets.tiny()
    other = replace(config, train=replace(config.train, seed=3), data=replace(config.data, flip=0.0))
    found = differences(config_to_dict(config), config_to_dict(other))
    assert found == ["data.flip: 0.5 -> 0.0", "train.seed: 0 -> 3"]
    assert not differences(config_to_dict(config), config_to_dict(config))
