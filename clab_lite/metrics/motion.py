"""Motion IoU: how much of an object's box stays in place over the neighbouring frames.

eval_spec (c); FGFA, arXiv 1703.10025.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError

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
    answer = np.ones(len(frames))
    for identity in np.unique(tracks):
        members = np.flatnonzero(tracks == identity)
        members = members[np.argsort(frames[members], kind="stable")]
        times = frames[members]
        starts = np.searchsorted(times, times - window, "left")
        stops = np.searchsorted(times, times + window, "right")
        for member, time, start, stop in zip(members, times, starts, stops, strict=True):
            near = members[start:stop][times[start:stop] != time]
            total = _pixel_iou(rows[member], rows[near]).sum()
            answer[member] = (total + _EPSILON) / (len(near) + _EPSILON)
    return answer


def motion_range(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Which motion IoUs (N,) lie in the range `name` ("slow", "medium" or "fast")."""
    if name not in MOTION_RANGES:
        raise DataError(f"motion range {name!r} is unknown. Choose one of: {', '.join(MOTION_RANGES)}.")
    least, most = MOTION_RANGES[name]
    numbers = np.asarray(values, np.float64)
    return (numbers >= least) & (numbers <= most)


def _pixel_iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of one box (4,) with others (N, 4) where x2 and y2 are the last pixel inside: width = x2 - x1 + 1
    (ILSVRC devkit).
    """
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]) + 1
    intersection = np.where((size > 0).all(axis=1), size.prod(axis=1), 0.0)
    union = (box[2:] - box[:2] + 1).prod() + (others[:, 2:] - others[:, :2] + 1).prod(axis=1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)
