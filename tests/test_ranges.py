"""Settings that make no sense are refused when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from clab_lite import presets
from clab_lite.errors import DataError
from clab_lite.ranges import checked

BAD: tuple[tuple[str, Any], ...] = (
    ("train.gradient_clip", 0), ("train.gradient_clip", -5.0), ("train.gradient_clip", math.nan),
    ("train.warmup_fraction", 5.0), ("train.threads", 0), ("train.seed", -1), ("train.learning_rate", -0.1),
    ("train.momentum", -1.0), ("train.weight_decay", -1.0), ("train.log_every", 0), ("train.checkpoint_every", 0),
    ("train.iterations", 0), ("train.precision", "float16"), ("train.steps", ()), ("train.contrast.until", math.nan),
    ("data.flip", 7.0), ("data.flip", math.nan), ("data.colour_jitter", -1.0), ("data.scale_jitter", 2.0),
    ("data.workers", -1), ("data.references", 0), ("data.cache_images", 1),
    ("detector.frame.long_side", 0), ("detector.frame.long_side", -192), ("detector.backbone.width", 0),
    ("detector.backbone.frozen_stages", -1), ("detector.backbone.frozen_stages", 9),
    ("detector.backbone.architecture", "vgg16"), ("detector.contrast.temperature", -1.0),
    ("detector.rpn.anchors.stride", 8), ("detector.rpn.anchors.scales", (1.0, math.inf)),
    ("detector.rpn.sampler.count", 0), ("detector.rpn.train_proposals.after_nms", 0), ("detector.roi.output_size", 0),
    ("detector.roi.attention_blocks", 7), ("detector.box_head.attention_blocks", 5), ("detector.box_head.layers", 0),
    ("detector.detection.score_threshold", 2.0), ("detector.detection.max_detections", -1),
    ("detector.detection.references", 0), ("detector.num_classes", 0), ("detector.num_classes", 2.5),
    ("detector.num_classes", True), ("detector", None), ("name", 3),
)  # fmt: skip


def changed(settings: Any, name: str, value: Any) -> Any:
    """The settings with another value for one field, by its dotted name."""
    first, _, rest = name.partition(".")
    return replace(settings, **{first: changed(getattr(settings, first), rest, value) if rest else value})


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda part: str(part))
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(DataError) as caught:
        changed(presets.tiny(), name, value)
    assert name.rpartition(".")[2] in str(caught.value)
    assert repr(value) in str(caught.value)


def test_the_edges_of_a_range_belong_to_it() -> None:
    config = presets.tiny()
    for name, value in (("data.flip", 1), ("data.flip", 0), ("train.threads", 1), ("train.warmup_fraction", 1.0)):
        assert changed(config, name, value) != config


def test_the_message_holds_the_range() -> None:
    with pytest.raises(DataError, match=r"^DataConfig\.flip is 7\. Choose a value from 0 to 1\.$"):
        changed(presets.tiny(), "data.flip", 7)
    with pytest.raises(DataError, match=r"^BoxHeadConfig\.attention_blocks is 5\. It must divide .*width.* 192\.$"):
        changed(presets.tiny(), "detector.box_head.attention_blocks", 5)


def test_a_whole_number_beyond_all_floats_is_refused() -> None:
    """Of a field without a range; math.isfinite would fail on it."""

    @dataclass(frozen=True)
    @checked()
    class Settings:
        number: float = 1.0

    with pytest.raises(DataError, match=r"Settings\.number is 1000.*Choose a finite number\."):
        Settings(number=10**400)
