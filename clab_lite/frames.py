"""Frames for a detector in inference, and the detector ready for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from clab_lite.config import FrameConfig
from clab_lite.data.transforms import prepare_frame
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video import PreparedFrame


def prepare(image: Tensor, size: FrameConfig, device: torch.device) -> PreparedFrame:
    """A decoded frame (3, H, W) uint8 RGB, resized, normalised, padded, on the device."""
    frame = PreparedFrame.pad(*prepare_frame(image, size))
    return PreparedFrame(frame.pixels.to(device), frame.image_size, frame.scale)


def load_frame(index: VideoIndex, video: int, frame: int, size: FrameConfig, device: torch.device) -> PreparedFrame:
    """Decode and prepare one frame of an index. DataError names an unreadable file."""
    return prepare(index.load_image(video, frame), size, device)


def reading_threads(device: torch.device) -> int:
    """Threads that decode and prepare frames ahead of a GPU; none beside a CPU.

    Its cores are busy with the network, and PyTorch's operations in another thread bring a second set of OpenMP
    threads: the network's own then fall asleep between its operations, and it takes twice as long.
    """
    return 0 if device.type == "cpu" else 4


def frames_at_once(device: torch.device, size: FrameConfig) -> int:
    """Key frames to compute together.

    A GPU is filled by several. On a CPU, frames of 192x128 take a tenth to a quarter less time four at a time; larger
    ones gain nothing, and each adds its tables to the memory.
    """
    if device.type != "cpu":
        return 8
    return 4 if size.long_side * size.short_side <= 192 * 128 else 1


def device_type(detector: nn.Module, wanted: str | torch.device | None) -> str:
    """Where `inference` will compute: "cpu", "cuda", ..."""
    return _place(detector, wanted).type


def _place(detector: nn.Module, wanted: str | torch.device | None) -> torch.device:
    weight = next(detector.parameters(), None)
    present = torch.device("cpu") if weight is None else weight.device
    return present if wanted is None else torch.device(wanted)


@contextmanager
def inference(detector: nn.Module, wanted: str | torch.device | None) -> Iterator[torch.device]:
    """The detector in eval mode on the wanted device, by default where its weights are; then in its own mode again."""
    device, was_training = _place(detector, wanted), detector.training
    detector.to(device).eval()
    try:
        yield device
    finally:
        detector.train(was_training)
