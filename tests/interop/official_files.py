"""Official checkpoints for the tests: the shapes of the real ones, and small ones with weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from clab_lite.config import BackboneConfig, BoxHeadConfig, ContrastConfig, DetectorConfig, RPNConfig
from clab_lite.detector import VideoDetector
from clab_lite.interop import to_mmtracking

GOLDENS = Path(__file__).parents[1] / "goldens" / "official"
EMBED = "detector.roi_head.bbox_roi_extractor.embed_network."


def official_shapes(architecture: str) -> dict[str, torch.Tensor]:
    """Official names in order, with tensors of the recorded shapes that hold nothing."""
    keys = json.loads((GOLDENS / f"state_dict_keys_{architecture}.json").read_text())["state_dict"]
    return {name: torch.empty(shape, dtype=getattr(torch, dtype), device="meta") for name, shape, dtype in keys}


def selsa_shapes(architecture: str) -> dict[str, torch.Tensor]:
    """mmtracking's SELSA as released: no Temporal RoI Align, no auxiliary branch, two fully connected layers."""
    third = ("detector.roi_head.bbox_head.shared_fcs.2.", "detector.roi_head.bbox_head.aggregator.2.")
    absent = (EMBED, "auxiliary.", *third)
    return {name: value for name, value in official_shapes(architecture).items() if not name.startswith(absent)}


def narrow_config(**changes: Any) -> DetectorConfig:
    """The official configuration with narrow layers, which fits in a few megabytes."""
    config = DetectorConfig(
        num_classes=4,
        backbone=BackboneConfig("resnet50", 8, imagenet_weights=False),
        neck_channels=16,
        rpn=RPNConfig(channels=24),
        box_head=BoxHeadConfig(width=48),
        contrast=ContrastConfig(channels=20, hidden=12, embedding=6),
    )
    return replace(config, **changes)


def narrow_detector(config: DetectorConfig | None = None) -> VideoDetector:
    """With weights that are all different, counted batches included."""
    torch.manual_seed(3)
    detector = VideoDetector(config or narrow_config())
    for number, (name, value) in enumerate(detector.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            value.fill_(1000 + number)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.ndim == 1:
            value.add_(0.1 * torch.randn_like(value))
    return detector.eval()


def official_content(detector: VideoDetector, **meta: Any) -> dict[str, Any]:
    """What the official code saves during training."""
    state = to_mmtracking(detector.state_dict())
    return {"meta": meta, "state_dict": state, "optimizer": {"state": {0: torch.ones(3)}, "param_groups": [{"lr": 1}]}}


def detections(detector: VideoDetector) -> dict[str, torch.Tensor]:
    """Of the first of three noise frames."""
    frames = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(5))
    return detector.detect(frames[0], detector.remember(frames[1:], [(64, 96)] * 2), (64, 96))
