"""The configuration of a detector from its weights: every width, depth and switch that names and shapes show."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from clab_lite.config import Architecture, BackboneConfig, BoxHeadConfig, ContrastConfig, DetectorConfig
from clab_lite.errors import DataError
from clab_lite.interop.config_text import read_config_text, with_official_settings
from clab_lite.interop.mmtracking import to_ours
from clab_lite.interop.official_file import ESSENTIAL, REMEDY, OfficialFile, foreign_keys, open_official
from clab_lite.training.saved_config import config_from_dict

OUR_SETTINGS = "clab_lite"
"""Entry of meta in files of ours: the whole detector configuration, so that nothing has to be guessed."""

# (bottleneck blocks, blocks per stage, groups) -> architecture
_ARCHITECTURES: dict[tuple[bool, tuple[int, ...], int], Architecture] = {
    (False, (2, 2, 2, 2), 1): "resnet18",
    (True, (3, 4, 6, 3), 1): "resnet50",
    (True, (3, 4, 23, 3), 1): "resnet101",
    (True, (3, 4, 23, 3), 64): "resnext101_64x4d",
}


def detector_config(checkpoint: str | Path | Mapping[str, Any]) -> DetectorConfig:
    """The configuration that an official checkpoint's weights fit.

    Backbone, widths, layers, classes, Temporal RoI Align and the auxiliary branch are read from names and shapes. What
    those do not show (attention blocks, anchor sizes, thresholds, frame size) comes from the checkpoint's own
    configuration where it holds one, else it is official. A file that `save_mmtracking` wrote holds all of it.

    Args:
        checkpoint: a file, or what it holds: {"state_dict": ..., "meta": ...} or the plain official state dict.

    Raises:
        DataError: keys of another kind of model, missing ones, or an architecture that this library does not have.
    """
    return config_of(open_official(checkpoint))


def config_of(opened: OfficialFile) -> DetectorConfig:
    """`detector_config` of an opened checkpoint."""
    to_ours(opened)  # refuses foreign keys
    missing = [name for name in ESSENTIAL if name not in opened.state]
    if missing:
        raise foreign_keys(opened.place, (), missing, opened.state)
    ours = opened.meta.get(OUR_SETTINGS)
    if isinstance(ours, Mapping):
        config = config_from_dict({"detector": ours}, Path(opened.place)).detector
        return replace(config, backbone=replace(config.backbone, imagenet_weights=False))
    config = _config_of_shapes(opened)
    text = opened.meta.get("config")
    if isinstance(text, str):
        try:
            config = with_official_settings(config, read_config_text(text))
        except DataError as error:  # a value that no detector can have
            raise DataError(f"{opened.place}, meta, config: {error}") from error
    _check_anchors(opened, config)
    return config


def _config_of_shapes(opened: OfficialFile) -> DetectorConfig:
    state, official = opened.state, DetectorConfig()
    head = "detector.roi_head.bbox_head."
    neck = _shape(opened, "detector.neck.convs.0.conv.weight", 4)[0]
    width, inputs = _shape(opened, f"{head}shared_fcs.0.weight", 2)
    size = math.isqrt(inputs // neck)
    if size < 1 or size * size * neck != inputs:
        problem = f"{inputs} inputs are no square of cells of {neck} channels"
        raise DataError.at(opened.place, f"{head}shared_fcs.0.weight", problem, REMEDY)
    classes = _shape(opened, f"{head}fc_cls.weight", 2)[0] - 1
    agnostic = classes > 1 and _shape(opened, f"{head}fc_reg.weight", 2)[0] == 4
    embed = "detector.roi_head.bbox_roi_extractor.embed_network."
    return replace(
        official,
        num_classes=classes,
        backbone=_backbone(opened),
        neck_channels=neck,
        rpn=replace(official.rpn, channels=_shape(opened, "detector.rpn_head.rpn_conv.weight", 4)[0]),
        roi=replace(official.roi, output_size=size, temporal=any(name.startswith(embed) for name in state)),
        box_head=BoxHeadConfig(
            layers=_count(state, rf"{re.escape(head)}shared_fcs\.(\d+)\."), width=width, class_agnostic=agnostic
        ),
        contrast=_contrast(opened),
    )


def _backbone(opened: OfficialFile) -> BackboneConfig:
    """Official backbones freeze the stem and layer1 and keep BatchNorm fixed, as ours does by default."""
    state = opened.state
    layers = "detector.backbone.layer"
    depths = tuple(_count(state, rf"{re.escape(layers)}{stage}\.(\d+)\.") for stage in range(1, 5))
    planes, inputs = _shape(opened, f"{layers}1.0.conv2.weight", 4)[:2]
    groups = planes // inputs
    bottleneck = f"{layers}1.0.conv3.weight" in state
    architecture = _ARCHITECTURES.get((bottleneck, depths, groups))
    if architecture is None:
        kind = "bottleneck" if bottleneck else "basic"
        problem = f"a ResNet of {depths} {kind} blocks with {groups} groups is none of ours"
        known = ", ".join(_ARCHITECTURES.values())
        raise DataError.at(opened.place, layers, problem, f"Backbones of this library: {known}.")
    width = _shape(opened, "detector.backbone.conv1.weight", 4)[0]
    return BackboneConfig(architecture, width, imagenet_weights=False)


def _contrast(opened: OfficialFile) -> ContrastConfig:
    if not any(name.startswith("auxiliary.") for name in opened.state):
        return ContrastConfig(enabled=False)
    channels = _shape(opened, "auxiliary.channel.0.weight", 4)[0]
    hidden, embedding = (_shape(opened, f"auxiliary.proj.{layer}.weight", 2)[0] for layer in (0, 2))
    return ContrastConfig(channels=channels, hidden=hidden, embedding=embedding)


def _check_anchors(opened: OfficialFile, config: DetectorConfig) -> None:
    found = _shape(opened, "detector.rpn_head.rpn_cls.weight", 4)[0]
    known = len(config.rpn.anchors.scales) * len(config.rpn.anchors.ratios)
    if found != known:
        problem = f"{found} anchors a cell, expected {known}: their sizes are not known"
        remedy = "Give a checkpoint whose meta holds its config."
        raise DataError.at(opened.place, "detector.rpn_head.rpn_cls.weight", problem, remedy)


def _shape(opened: OfficialFile, name: str, dimensions: int) -> tuple[int, ...]:
    """Shape of a weight that must be there, with so many dimensions, none of them empty."""
    if name not in opened.state:
        raise foreign_keys(opened.place, (), [name], opened.state)
    shape = tuple(opened.state[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise DataError.at(opened.place, name, f"has shape {shape}, expected {dimensions} dimensions", REMEDY)
    return shape


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """How many numbers 0, 1, ... the pattern's group takes among the names."""
    return len({match[1] for name in state if (match := re.match(pattern, name))})
