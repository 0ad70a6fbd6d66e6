"""Batches of ranked contrast: crops in a random order, two random views of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.methods.ranked.config import RankedConfig
from clab_lite.methods.ranked.crops import Crops
from clab_lite.methods.shared.part import WHOLE, Part
from clab_lite.methods.shared.views import crop_and_resize, crop_rectangle, photometric, sample_seed, seeded_draws


@dataclass(frozen=True)
class RankedBatch:
    """n crops."""

    query: Tensor
    """(n, 3, S, S) normalised: the views that become anchors."""
    key: Tensor
    """(n, 3, S, S) normalised: the other view of each."""
    labels: Tensor
    """(n,) classes."""

    def to(self, device: torch.device | str) -> RankedBatch:
        """The same batch on another device."""
        return RankedBatch(self.query.to(device), self.key.to(device), self.labels.to(device))


class RankedSource:
    """Endless batches of a set of crops. All crops (or images) come once before any comes twice."""

    def __init__(self, config: RankedConfig, crops: Crops) -> None:
        self.config = config
        self.crops = crops
        first = np.ones(len(crops), bool)
        if config.batch_of == "images":
            first[1:] = (crops.places[1:] != crops.places[:-1]).any(axis=1)
        self._starts = np.append(np.flatnonzero(first), len(crops))
        self._track_mates = _same_track(crops) if config.second_view == "other_frame" else {}
        self._photo = photometric(config.photo)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Which crops a step uses; a pure function of (seed, step)."""
        return np.concatenate(self._units(step))

    def _units(self, step: int) -> list[NDArray[np.int64]]:
        """The same, one array per crop or image that `pretrain.batch` counts."""
        count, seed = len(self._starts) - 1, self.config.pretrain.seed
        wanted = step * self.config.pretrain.batch + np.arange(self.config.pretrain.batch)
        passes = np.unique(wanted // count)
        orders = {number: np.random.default_rng([seed, number]).permutation(count) for number in passes}
        chosen = [orders[position // count][position % count] for position in wanted]
        return [np.arange(self._starts[unit], self._starts[unit + 1]) for unit in chosen]

    def batch(self, step: int, part: Part = WHOLE) -> RankedBatch:
        """The two views of a step's crops, or of a part of them."""
        units = self._units(step)
        rows, share = np.concatenate(units), part.places(len(units))
        first, end = (sum(len(unit) for unit in units[:place]) for place in (share.start, share.stop))
        with seeded_draws(sample_seed("ranked", self.config.pretrain.seed, step)):
            mates = [self._mate(int(row)) for row in rows]
            query, key = (self._views(crops, first, end) for crops in (rows.tolist(), mates))
        return RankedBatch(prepare(query), prepare(key), torch.from_numpy(self.crops.labels[rows[first:end]]))

    def _views(self, rows: list[int], first: int, end: int) -> Tensor:
        """A view of each of rows[first:end]; for the others the same random numbers are drawn, and nothing is read."""
        side = self.config.crop
        pixels, nothing = self.crops.pixels(rows[first:end]), torch.zeros(3, side, side, dtype=torch.uint8)
        views = [self._view(pixels[i - first] if first <= i < end else nothing) for i in range(len(rows))]
        return torch.stack(views[first:end])

    def _mate(self, row: int) -> int:
        """The crop that gives the key: of another frame of the track if asked for and there, else the same."""
        mates = self._track_mates.get(row, ())
        return int(mates[int(torch.randint(len(mates), ()))]) if len(mates) else row

    def _view(self, image: Tensor) -> Tensor:
        """A random view of uint8 (3, S, S): a part of the area, mirrored or not, colours changed."""
        side = self.config.crop
        low, high = self.config.crop_area
        view = crop_and_resize(image, crop_rectangle(image.shape[1], image.shape[2], (low, high)), side)
        if torch.rand(()) < self.config.flip:
            view = v2.functional.horizontal_flip(view)
        return self._photo(view)


def prepare(images: Tensor) -> Tensor:
    """uint8 (n, 3, S, S) -> float32, ImageNet mean 0 and standard deviation 1 per channel."""
    mean, std = torch.tensor(IMAGENET_MEAN).view(3, 1, 1), torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return (images.float() - mean) / std


def _same_track(crops: Crops) -> dict[int, NDArray[np.int64]]:
    """For every crop of a track the crops of the same track in other frames."""
    tracks: dict[tuple[int, int], list[int]] = {}
    for row, (video, track) in enumerate(zip(crops.places[:, 0].tolist(), crops.tracks.tolist(), strict=True)):
        if track >= 0:
            tracks.setdefault((video, track), []).append(row)
    mates = {}
    for rows in tracks.values():
        for row in rows:
            mates[row] = np.array([other for other in rows if crops.places[other, 1] != crops.places[row, 1]], np.int64)
    return mates
