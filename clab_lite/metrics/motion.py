"""Motion IoU: how much of an object's box stays in place over the neighbouring frames.

eval_spec (c); FGFA, arXiv 1703.10025.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.matching import paired_iou

MOTION_RANGES: dict[str, tuple[float, float]] = {
    "slow": (0.9, 1.0),
    "medium": (0.7, 0.9),
    "fast": (0.0, 0.7),
}
"""Both ends inclusive, as the official evaluators do; on ImageNet VID no object sits on a boundary."""
_EPSILON = 1e-10


def motion_iou(frame: ArrayLike, track: ArrayLike, boxes: ArrayLike, window: int = 10) -> NDArray[np.float64]:
    """Motion IoU of every box of one video.

    Args:
        frame: (N,) frame number of each box.
        track: (N,) track id; equal ids are one object.
        boxes: (N, 4) xyxy pixels, not clamped.
        window: neighbours up to this many frames away, before and after.

    Returns:
        (N,) mean IoU between the box and the same track's boxes in the neighbouring frames. Frames in which
        the object is absent do not enter the mean. A box without neighbours gets 1.0: the mean is
        (sum + 1e-10) / (n + 1e-10), as the published values suggest (goldens `motion_iou.json`, `with_eps`).
    """
    frames, tracks = np.asarray(frame, np.int64).reshape(-1), np.asarray(track, np.int64).reshape(-1)
    rows = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not len(frames) == len(tracks) == len(rows):
        raise DataError(f"{len(frames)} frames, {len(tracks)} tracks, {len(rows)} boxes. Give one of each per box.")
    if not len(frames):
        return np.zeros(0)
    # One number per (track, frame), tracks further apart than the window, so that one sorted list holds all neighbours.
    times = frames - frames.min()
    keys = np.unique(tracks, return_inverse=True)[1] * (times.max() + window + 1) + times
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.searchsorted(ordered, keys - window, "left")
    counts = np.searchsorted(ordered, keys + window, "right") - starts
    box = np.repeat(np.arange(len(keys)), counts)
    place = np.arange(len(box)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    near = order[place]
    other_frame = frames[near] != frames[box]
    box, near = box[other_frame], near[other_frame]
    total = np.bincount(box, paired_iou(rows[box], rows[near], extra=1), len(keys))
    return (total + _EPSILON) / (np.bincount(box, minlength=len(keys)) + _EPSILON)


def motion_range(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Which motion IoUs (N,) lie in the range `name` ("slow", "medium" or "fast")."""
    if name not in MOTION_RANGES:
        raise DataError(f"motion range {name!r} is unknown. Choose one of: {', '.join(MOTION_RANGES)}.")
    least, most = MOTION_RANGES[name]
    numbers = np.asarray(values, np.float64)
    return (numbers >= least) & (numbers <= most)
