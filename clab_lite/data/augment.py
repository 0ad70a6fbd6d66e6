"""The random changes one training clip gets; its key frame and references share them, so that they stay comparable."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from clab_lite.config import DataConfig, FrameConfig
from clab_lite.data.transforms import (
    clamp_boxes,
    flip_boxes,
    flip_horizontal,
    normalise,
    resize_keep_ratio,
    scale_boxes,
)

_GREY = (0.299, 0.587, 0.114)
"""Weights of red, green, blue in a grey value (ITU-R BT.601)."""


@dataclass(frozen=True)
class ClipAugmentation:
    """What was drawn for one clip."""

    long_side: int
    short_side: int
    """Frames are resized to fit long_side x short_side pixels."""
    flip: bool
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    @classmethod
    def draw(cls, config: DataConfig, size: FrameConfig, rng: random.Random) -> ClipAugmentation:
        """Draw from the ranges of the configuration, around a frame size; five numbers are always consumed."""
        flip = rng.random() < config.flip
        factor = 1 + config.scale_jitter * rng.uniform(-1, 1)
        colours = [max(1 + config.colour_jitter * rng.uniform(-1, 1), 0.0) for _ in range(3)]
        long_side, short_side = (max(round(side * factor), 1) for side in (size.long_side, size.short_side))
        return cls(long_side, short_side, flip, *colours)

    def frames(self, images: list[Tensor]) -> tuple[list[Tensor], list[tuple[float, float]]]:
        """Images (3, H, W) uint8 of a clip -> normalised float32 frames (3, H', W') and their scales (sx, sy)."""
        resized, scales = zip(*(resize_keep_ratio(i, self.long_side, self.short_side) for i in images), strict=True)
        matrix, offset = self._colours(resized[0])
        frames = []
        for image in resized:
            if self.flip:
                image = flip_horizontal(image)
            if matrix is not None:
                mixed = matrix @ image.flatten(1).float() + offset
                image = mixed.clamp_(0, 255).view(image.shape)
            frames.append(normalise(image))
        return frames, list(scales)

    def boxes(self, boxes: Tensor, scale: tuple[float, float], height: int, width: int) -> Tensor:
        """Boxes (G, 4) of a stored frame -> boxes in its resized frame of height x width, clamped and flipped alike."""
        moved = clamp_boxes(scale_boxes(boxes, scale), height, width)
        return flip_boxes(moved, width) if self.flip else moved

    def _colours(self, key: Tensor) -> tuple[Tensor | None, Tensor]:
        """Saturation, contrast around the key frame's mean grey, and brightness as one affine map of RGB."""
        if self.brightness == self.contrast == self.saturation == 1.0:
            return None, torch.zeros(())
        weights = torch.tensor(_GREY)
        mix = self.saturation * torch.eye(3) + (1 - self.saturation) * weights.expand(3, 3)
        mean = weights @ key.float().mean(dim=(1, 2))
        return self.brightness * self.contrast * mix, self.brightness * (1 - self.contrast) * mean
