"""Crops that show no object at all: the far end of what a classifier should not know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.ranked.crops import Crops, frames_of, inside

TRIES = 20
"""Places that are tried in a frame before it is given up."""


def background_crops(index: VideoIndex, side: int, count: int, seed: int = 0) -> Crops:
    """Up to `count` boxes that touch no annotated object of any class, at most one per frame; label -1 (ours).

    Their sizes are those of annotated boxes of the dataset, drawn at random, so that size gives nothing away. Fewer
    come back where frames are full; none for a dataset without a box.
    """
    draws = np.random.default_rng(seed)
    frames = list(frames_of(index))
    sizes = index.table.boxes[:, 2:] - index.table.boxes[:, :2]
    places: list[tuple[int, int]] = []
    boxes: list[NDArray[np.float64]] = []
    for position in draws.permutation(len(frames)) if len(sizes) else ():
        if len(places) == count:
            break
        video, frame = frames[position]
        box = _free_box(index, video, frame, sizes, draws)
        if box is not None:
            places.append((video, frame))
            boxes.append(box)
    order = sorted(range(len(places)), key=lambda row: places[row])
    none = np.full(len(places), -1, np.int64)
    return Crops(
        index,
        np.array([places[row] for row in order], np.int64).reshape(-1, 2),
        np.array([boxes[row] for row in order], np.float32).reshape(-1, 4),
        none,
        none,
        (),
        side,
    )


def _free_box(
    index: VideoIndex, video: int, frame: int, sizes: NDArray[np.float32], draws: np.random.Generator
) -> NDArray[np.float64] | None:
    """A box of one of the sizes at a free place of a frame; None when none was found."""
    width, height = index.frame_size(video, frame)
    taken = inside(index.annotation(video, frame).boxes, width, height)
    for _ in range(TRIES):
        w, h = sizes[draws.integers(len(sizes))]
        if not (2 <= w <= width and 2 <= h <= height):
            continue
        x, y = np.floor(draws.uniform(0, [width - w + 1, height - h + 1]))
        apart = (taken[:, 0] >= x + w) | (taken[:, 2] <= x) | (taken[:, 1] >= y + h) | (taken[:, 3] <= y)
        if apart.all():
            return np.array([x, y, x + w, y + h])
    return None
