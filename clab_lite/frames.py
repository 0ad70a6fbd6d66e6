"""Frames of a dataset, ready for a detector in inference: decoded, resized, normalised, padded, on the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from clab_lite.data.transforms import TransformConfig, pad_to_multiple, prepare_frame
from clab_lite.data.vid import VideoIndex

Key = TypeVar("Key")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class PreparedFrame:
    """One frame as the detector takes it.

    pixels: (3, H, W) float32, normalised, zeros at the right and bottom up to a multiple of 16.
    image_size: (height, width) before padding. scale: (x, y) factors from original to resized pixels.
    """

    pixels: Tensor
    image_size: tuple[int, int]
    scale: tuple[float, float]


def load_frame(
    index: VideoIndex, video: int, frame: int, transform: TransformConfig, device: torch.device
) -> PreparedFrame:
    """Decode and prepare one frame of an index. DataError names an unreadable file."""
    pixels, scale = prepare_frame(index.load_image(video, frame), transform)
    height, width = pixels.shape[-2:]
    return PreparedFrame(pad_to_multiple(pixels).to(device), (height, width), scale)


def load_ahead(
    load: Callable[[Key], Loaded], keys: Iterable[Key], device: torch.device
) -> Iterator[tuple[Key, Loaded]]:
    """(key, load(key)) in order. On a GPU, threads decode the next frames while it computes."""
    if device.type == "cpu":  # the cores are busy with the network already
        for key in keys:
            yield key, load(key)
        return
    with ThreadPoolExecutor(4) as pool:
        futures: deque[tuple[Key, Future[Loaded]]] = deque()
        for key in keys:
            futures.append((key, pool.submit(load, key)))
            if len(futures) > 8:
                first, future = futures.popleft()
                yield first, future.result()
        for first, future in futures:
            yield first, future.result()


def device_of(detector: nn.Module, wanted: str | torch.device | None) -> torch.device:
    """The wanted device, or the one the detector's weights are on."""
    if wanted is not None:
        return torch.device(wanted)
    weight = next(detector.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device
