"""From a decoded frame to the tensor the detector sees: resize, flip, normalise, pad.

The same functions serve training, evaluation and inference, in the official order (resize, flip, normalise,
pad). They match `goldens/official/pipeline.json`: shapes and boxes exactly, pixels to 0.002 normalised
units on average (one grey level is 0.017).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from clab_lite.config import FrameConfig

IMAGENET_MEAN: tuple[float, float, float] = (123.675, 116.28, 103.53)
"""Mean of red, green, blue on the 0..255 scale."""
IMAGENET_STD: tuple[float, float, float] = (58.395, 57.12, 57.375)
"""Standard deviation of red, green, blue on the 0..255 scale."""
PAD_MULTIPLE = 16
"""Frames are padded to a multiple of the detector's stride."""


def resized_shape(height: int, width: int, long_side: int, short_side: int) -> tuple[int, int]:
    """(height, width) after scaling to fit long_side x short_side pixels, keeping the ratio; rounded half up."""
    factor = min(long_side / max(height, width), short_side / min(height, width))
    return max(int(height * factor + 0.5), 1), max(int(width * factor + 0.5), 1)


def resize_keep_ratio(image: Tensor, long_side: int, short_side: int) -> tuple[Tensor, tuple[float, float]]:
    """Scale a frame to fit long_side x short_side pixels: bilinear, no antialiasing (as OpenCV does).

    Args:
        image: (3, H, W) uint8 or float.

    Returns:
        The frame (3, H', W') of the same type, and (W'/W, H'/H): multiply x and y by these to move boxes
        along.
    """
    height, width = image.shape[-2:]
    shape = resized_shape(height, width, long_side, short_side)
    scale = (shape[1] / width, shape[0] / height)
    if shape == (height, width):
        return image, scale
    if image.dtype == torch.uint8 and image.device.type != "cpu":  # only the CPU has a kernel for uint8
        resized = F.interpolate(image[None].float(), shape, mode="bilinear", align_corners=False)
        return resized[0].round_().to(torch.uint8), scale
    return F.interpolate(image[None], shape, mode="bilinear", align_corners=False)[0], scale


def flip_horizontal(image: Tensor) -> Tensor:
    """Mirror a frame (..., W) left to right."""
    return image.flip(-1)


def flip_boxes(boxes: Tensor, width: float) -> Tensor:
    """Mirror boxes (G, 4) in a frame `width` pixels wide: x1' = width - x2, x2' = width - x1."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack((width - x2, y1, width - x1, y2), dim=-1)


def scale_boxes(boxes: Tensor, scale: tuple[float, float]) -> Tensor:
    """Multiply x by scale[0] and y by scale[1] in boxes (G, 4)."""
    return boxes * boxes.new_tensor((*scale, *scale))


def clamp_boxes(boxes: Tensor, height: float, width: float) -> Tensor:
    """Move the corners of boxes (G, 4) into [0, width] x [0, height]."""
    low = boxes.new_zeros(4)
    return boxes.clamp(min=low, max=boxes.new_tensor((width, height, width, height)))


def normalise(image: Tensor) -> Tensor:
    """(3, H, W) RGB on the 0..255 scale -> float32, ImageNet mean 0 and standard deviation 1 per channel."""
    mean = torch.tensor(IMAGENET_MEAN, device=image.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=image.device).view(3, 1, 1)
    return (image.float() - mean) / std


def pad_to_multiple(image: Tensor, multiple: int = PAD_MULTIPLE) -> Tensor:
    """Add zeros at the right and bottom of (..., H, W) until both sides are multiples of `multiple`."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple))


def prepare_frame(image: Tensor, size: FrameConfig) -> tuple[Tensor, tuple[float, float]]:
    """A decoded frame (3, H, W) uint8 RGB -> (float32 (3, H', W') normalised and not padded, scale (sx, sy))."""
    resized, scale = resize_keep_ratio(image, size.long_side, size.short_side)
    return normalise(resized), scale
