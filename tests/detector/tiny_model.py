"""A detector small enough to build in a test, with fixed BatchNorm, and clips with a moving square for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from clab_lite import presets
from clab_lite.config import DetectorConfig
from clab_lite.detector import VideoDetector


def small_config(**changes: Any) -> DetectorConfig:
    config = presets.tiny().detector
    backbone = replace(config.backbone, width=8, frozen_norm=True)
    return replace(config, backbone=backbone, neck_channels=16, num_classes=4, **changes)


def small_detector(**changes: Any) -> VideoDetector:
    torch.manual_seed(0)
    return VideoDetector(small_config(**changes))


def strong_detector(seed: int = 0, **changes: Any) -> VideoDetector:
    """A fresh detector answers nearly alike to everything; here scores differ, references count, no layer is idle."""
    torch.manual_seed(seed)
    detector = VideoDetector(small_config(**changes))
    for name, parameter in detector.named_parameters():
        if name.startswith(("rpn.objectness", "rpn.deltas")) and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
        elif name.startswith(("temporal", "box_head")) and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1 / parameter[0].numel() ** 0.5)
        elif name.startswith("temporal"):
            torch.nn.init.normal_(parameter)
        elif name == "neck.conv.weight":
            torch.nn.init.normal_(parameter, std=6 / parameter[0].numel() ** 0.5)
        elif name.endswith("bn2.weight"):  # the last of a block, 0 at first
            torch.nn.init.uniform_(parameter, 0.2, 0.5)
    return detector


def clips_and_targets(
    count: int = 2, references: int = 2, height: int = 64, width: int = 96
) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    """Noise with one bright square per clip that moves 3 px a frame to the right."""
    generator = torch.Generator().manual_seed(1)
    clips = 0.3 * torch.randn(count, 1 + references, 3, height, width, generator=generator)
    targets = []
    for b in range(count):
        frames = []
        for j in range(1 + references):
            box = torch.tensor([[10.0 + 3 * j + 5 * b, 12.0, 42.0 + 3 * j + 5 * b, 44.0]])
            x1, y1, x2, y2 = (int(v) for v in box[0])
            clips[b, j, b % 3, y1:y2, x1:x2] += 2
            frames.append({"boxes": box, "labels": torch.tensor([b % 4]), "track_ids": torch.tensor([0])})
        targets.append({**frames[0], "image_size": (height, width), "reference_targets": frames[1:]})
    return clips, targets
