"""Does a region look alike on every level? Measured on held-out frames.

W windows in all, C numbers per vector; vectors are unit length. Row w of two levels is the same window.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from clab_lite.data.transforms import normalise
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.crosscl.data import PairBatch, Rectangle
from clab_lite.methods.crosscl.model import CrossCL
from clab_lite.methods.crosscl.region_mean import pool_regions
from clab_lite.methods.crosscl.windows import map_windows
from clab_lite.methods.shared.views import crop_and_resize


@dataclass(frozen=True)
class Similarity:
    """How vectors of one level find their windows on another."""

    retrieval: float
    """Share of windows whose most similar vector of the other level is their own; chance is 1 / windows."""
    same: float
    """Mean cosine of a window with itself on the other level."""
    other: float
    """Mean cosine with all other windows there, of the same frame and of other frames."""
    windows: int


def held_out_frames(index: VideoIndex, count: int) -> list[tuple[int, int]]:
    """`count` (video, frame), from as many videos, spread evenly over the index; the middle frame of each.

    Raises:
        DataError: the index holds fewer videos.
    """
    if not 0 < count <= len(index):
        raise DataError(f"{count} held-out frames from {len(index)} videos. Choose 1 to {len(index)}.")
    videos = [position * len(index) // count for position in range(count)]
    return [(video, index.videos[video].frame_count // 2) for video in videos]


def load_views(index: VideoIndex, frames: list[tuple[int, int]], image_size: int) -> Tensor:
    """The middle square of each frame, scaled to (N, 3, S, S) and normalised: views without any random change."""
    views = []
    for video, frame in frames:
        image = index.load_image(video, frame)
        height, width = image.shape[-2:]
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        views.append(normalise(crop_and_resize(image, (left, top, left + side, top + side), image_size)))
    return torch.stack(views)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, the module is in eval mode and no graph is kept; after, it is as it was."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)


def level_maps(method: CrossCL, views: Tensor) -> dict[int, Tensor]:
    """Views (N, 3, S, S) -> level -> (N, C, H, W) of the network that learns, in eval mode."""
    with evaluating(method):
        return method.levels(views)


def window_vectors(levels: dict[int, Tensor], windows: Tensor) -> dict[int, Tensor]:
    """Level -> (N, A, C) unit vectors of the windows (A, 4), or of an own set per view (N, A, 4)."""
    some = next(iter(levels.values()))
    boxes = windows.expand(len(some), *windows.shape[-2:])
    return {level: normalize(pool_regions(values, boxes, 2.0**level), dim=-1) for level, values in levels.items()}


def compare_windows(queries: Tensor, candidates: Tensor) -> Similarity:
    """Unit vectors (W, C) of one level against those of another, row by row.

    With fewer than two windows there is no other one: `other` is 0.
    """
    count = len(queries)
    cosines = queries.double() @ candidates.double().T
    same = cosines.diagonal()
    others = (cosines.sum() - same.sum()) / (count * (count - 1)) if count > 1 else cosines.new_zeros(())
    found = (cosines.argmax(dim=1) == torch.arange(count, device=cosines.device)).double()
    return Similarity(found.mean().item(), same.mean().item(), others.item(), count)


def cross_stage_similarity(method: CrossCL, views: Tensor, query: int = 3, candidates: int = 4) -> Similarity:
    """Which window of level `candidates` matches each window of level `query`, over all windows of all views."""
    vectors = window_vectors(level_maps(method, views), method.contrast.windows)
    return compare_windows(vectors[query].flatten(0, 1), vectors[candidates].flatten(0, 1))


def similarity_map(vector: Tensor, level: Tensor) -> Tensor:
    """Cosine of one unit vector (C,) with every position of a map (C, H, W): (H, W)."""
    return torch.einsum("c,chw->hw", vector, normalize(level, dim=0))


def plain_pairs(index: VideoIndex, frames: list[tuple[int, int]], config: CrossCLConfig) -> PairBatch:
    """Two views of each frame that differ only in their crop: the same for every configuration of one image_size.

    The query view is the middle square, the key view a smaller square in its lower right: three quarters of its side.
    """
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    query_crops: list[Rectangle] = []
    key_crops: list[Rectangle] = []
    for video, frame in frames:
        image = index.load_image(video, frame)
        height, width = image.shape[-2:]
        side = min(height, width)
        left, top, cut = (width - side) // 2, (height - side) // 2, side // 4
        query_crops.append((left, top, left + side, top + side))
        key_crops.append((left + cut, top + cut, left + side, top + side))
        for crops, views in ((query_crops, queries), (key_crops, keys)):
            views.append(normalise(crop_and_resize(image, crops[-1], config.image_size)))
    rows = torch.tensor([(video, frame, frame) for video, frame in frames])
    here, there = (torch.tensor(crops, dtype=torch.float64) for crops in (query_crops, key_crops))
    return PairBatch(torch.stack(queries), torch.stack(keys), here, there, rows, torch.zeros(len(rows)) > 0)


def cross_view_similarity(method: CrossCL, pairs: PairBatch, query: int = 3, candidates: int = 4) -> Similarity:
    """As `cross_stage_similarity`, but candidates lie in the other view; only windows that lie inside it count."""
    boxes, valid = map_windows(method.contrast.windows, pairs.query_crops, pairs.key_crops, method.config.image_size)
    here = window_vectors(level_maps(method, pairs.query), method.contrast.windows)[query]
    there = window_vectors(level_maps(method, pairs.key), boxes)[candidates]
    return compare_windows(here[valid], there[valid])
