"""A detector that answers at once, for tests of what stands around one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from clab_lite import presets
from clab_lite.config import FrameConfig
from clab_lite.detector.memory import FrameMemory
from clab_lite.trained import Trained


def seeing_detector() -> Trained:
    """Of three classes, for frames of 64x48 pixels."""
    config = presets.tiny()
    small = replace(config, detector=replace(config.detector, num_classes=3, frame=FrameConfig(64, 48)))
    return Trained(Seeing(small.detector), small, ("bird", "car", "dog"), iteration=0)  # type: ignore[arg-type]


class Seeing(torch.nn.Module):
    """Finds one car in the left half of every frame; `seen` holds the grey levels of each frame and of its memory."""

    def __init__(self, config: object) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.config = config
        self.seen: list[tuple[float, list[float]]] = []

    def remember(self, frames: Tensor, _sizes: Sequence[tuple[int, int]]) -> FrameMemory:
        return FrameMemory(frames[:, :1, :1, :1].clone(), [torch.zeros(0, 4)], [])

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[tuple[int, int]],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        found = []
        for level, (height, width), (x, y) in zip(own.features.flatten().tolist(), image_sizes, scales, strict=True):
            self.seen.append((level, memory.features.flatten().tolist()))
            box = torch.tensor([[0.0, 0.0, width / 2 / x, height / y]])
            found.append({"boxes": box, "scores": torch.tensor([0.75]), "labels": torch.tensor([1])})
        return found
