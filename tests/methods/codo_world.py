"""A few drawn videos, and settings of milliseconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from training_world import write_dataset

from clab_lite.config import BackboneConfig
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.methods.codo import CoDoConfig, lite
from clab_lite.methods.shared import PretrainConfig


def drawn_videos(root: Path) -> VideoIndex:
    """Four videos of four sources, six objects."""
    return open_dataset(write_dataset(root), "train", cache=False, progress=False)


def micro(**changes: Any) -> CoDoConfig:
    """lite at 32 pixels and width 4; changes to fields of CoDoConfig, or to its composite and trunk by name."""
    base = lite()
    parts = {
        "trunk": replace(base.trunk, fpn_channels=8, roi_size=3, head_width=16, embedding=8),
        "composite": replace(base.composite, image_size=32),
    }
    for name, part in parts.items():
        own = {key: changes.pop(key) for key in list(changes) if hasattr(part, key) and key != "name"}
        parts[name] = replace(part, **own)
    backbone = BackboneConfig("resnet18", 4, imagenet_weights=False, frozen_stages=0, frozen_norm=False)
    given = {"pretrain": PretrainConfig(steps=4, batch=4, optimizer="adamw", learning_rate=0.002), **changes}
    return replace(base, backbone=backbone, **parts, **given)
