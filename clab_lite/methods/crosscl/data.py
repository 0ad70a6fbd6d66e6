"""Pairs of views of one frame, with the rectangles they were cut from."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clab_lite.data.transforms import flip_horizontal, normalise
from clab_lite.data.video_index import VideoIndex
from clab_lite.devices import precise_type
from clab_lite.errors import DataError
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.shared.part import WHOLE, Part
from clab_lite.methods.shared.views import (
    PhotoConfig,
    crop_and_resize,
    crop_rectangle,
    photometric,
    sample_seed,
    seeded_draws,
)

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class PairBatch:
    """N pairs of views. All geometry is here, so that it can be tested without looking at a pixel."""

    query: Tensor
    """(N, 3, S, S) float32, normalised."""
    key: Tensor
    """(N, 3, S, S), the other view of the same frame (or of a later one)."""
    query_crops: Tensor
    """(N, 4) float64 (left, top, right, bottom) pixels of the frame, mirrored if `flipped`; right, bottom exclusive."""
    key_crops: Tensor
    """(N, 4), of the key view."""
    frames: Tensor
    """(N, 3) int64: video, frame of the query view, frame of the key view."""
    flipped: Tensor
    """(N,) bool: the frame was mirrored before both crops."""

    def to(self, device: torch.device | str) -> PairBatch:
        """The same batch on a device; rectangles in its most precise type."""
        exact = precise_type(torch.device(device))
        moved = {name: value.to(device) for name, value in vars(self).items() if not name.endswith("crops")}
        return replace(self, **moved, **{n: getattr(self, n).to(device, exact) for n in ("query_crops", "key_crops")})


class PairSource:
    """`batch(step)` -> PairBatch, a pure function of (seed, step).

    The frames of a batch come from different videos, as far as there are enough: frames of one video would be negatives
    of each other that look the same (our choice; the published data are single images).
    """

    def __init__(self, index: VideoIndex, config: CrossCLConfig, photo: PhotoConfig | None = None) -> None:
        """photo: changes of colour; None takes the published ones."""
        if len(index) == 0:
            raise DataError(f"{index.video_root}: the dataset holds no video. Open another split.")
        self.index, self.config = index, config
        kernel = max(config.image_size // 10, 1) // 2 * 2 + 1
        self.photo = photometric(PhotoConfig(blur_kernel=kernel, blur_first=True) if photo is None else photo)

    def batch(self, step: int, part: Part = WHOLE) -> PairBatch:
        """The pairs of one step, 0-based, or a part of them."""
        config = self.config
        videos = self._videos(random.Random(f"{config.pretrain.seed}/{step}"))
        pairs = [self._pair(videos[place], step, place) for place in part.places(len(videos))]
        query, key, query_crops, key_crops, frames, flipped = zip(*pairs, strict=True)
        return PairBatch(
            torch.stack(query),
            torch.stack(key),
            torch.tensor(query_crops, dtype=torch.float64),
            torch.tensor(key_crops, dtype=torch.float64),
            torch.tensor(frames),
            torch.tensor(flipped),
        )

    def _videos(self, rng: random.Random) -> list[int]:
        """`batch` videos; one comes twice only when all have come once."""
        chosen: list[int] = []
        while len(chosen) < self.config.pretrain.batch:
            chosen += rng.sample(range(len(self.index)), len(self.index))
        return chosen[: self.config.pretrain.batch]

    def _pair(
        self, video: int, step: int, place: int
    ) -> tuple[Tensor, Tensor, Rectangle, Rectangle, tuple[int, int, int], bool]:
        seed = self.config.pretrain.seed
        rng = random.Random(f"{seed}/{step}/{place}")
        count, temporal = self.index.videos[video].frame_count, self.config.views == "temporal"
        gap = min(self.config.temporal_gap, count - 1) if temporal else 0
        frame, flipped = rng.randrange(count - gap), rng.random() < 0.5
        numbers = (frame, frame + gap)
        views, crops = [], []
        for number, side in zip(numbers, ("query", "key"), strict=True):
            image = self.index.load_image(video, number)
            image = flip_horizontal(image) if flipped else image
            with seeded_draws(sample_seed(seed, step, place, side)):
                view, crop = self._view(image)
            views.append(view)
            crops.append(crop)
        return views[0], views[1], crops[0], crops[1], (video, *numbers), flipped

    def _view(self, image: Tensor) -> tuple[Tensor, Rectangle]:
        height, width = image.shape[-2:]
        crop: Rectangle = (0, 0, width, height)
        if self.config.views == "crops":
            crop = crop_rectangle(height, width, (self.config.crop_area_min, 1.0))
        return normalise(self.photo(crop_and_resize(image, crop, self.config.image_size))), crop
