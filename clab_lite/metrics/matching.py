"""Which detection is which ground truth: the grouping every protocol shares, and COCO's greedy rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.arrays import Detections, GroundTruth


@dataclass(frozen=True)
class Ranked:
    """Detections sorted by (image, label), best first inside each group; equal scores keep their order.

    order: (N,) positions in the original arrays. rank: (N,) 0 is the best of its image and class.
    """

    order: NDArray[np.int64]
    rank: NDArray[np.int64]


def rank_detections(detections: Detections) -> Ranked:
    """Sort the detections for matching. Both arrays of the answer are in sorted order."""
    # lexsort is a merge sort: stable, as pycocotools' per-image sort is.
    order = np.lexsort((-detections.score, detections.label, detections.image))
    image, label = detections.image[order], detections.label[order]
    first = np.ones(len(order), bool)
    first[1:] = (image[1:] != image[:-1]) | (label[1:] != label[:-1])
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    return Ranked(order, np.arange(len(order)) - start)


def paired_groups(
    detections: Detections, ranked: Ranked, truth: GroundTruth
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Every (image, label) that has both detections and ground truth, in ascending order.

    Yields (slice of sorted detections, positions of its ground truths in the given order). Groups with only
    one of the two need no matching and are left out: at ImageNet-VID scale they are nearly all.
    """
    if not len(detections) or not len(truth):
        return
    truth_order = np.lexsort((truth.label, truth.image))
    labels = 1 + max(int(detections.label.max()), int(truth.label.max()))
    # One number per (image, label), ascending in both sorted arrays.
    detection_key = (detections.image * labels + detections.label)[ranked.order]
    truth_key = (truth.image * labels + truth.label)[truth_order]
    shared = np.intersect1d(detection_key, truth_key)
    bounds = [np.searchsorted(keys, shared, side) for keys in (detection_key, truth_key) for side in ("left", "right")]
    for d_start, d_stop, g_start, g_stop in zip(*(bound.tolist() for bound in bounds), strict=True):
        yield slice(d_start, d_stop), truth_order[g_start:g_stop]


def box_area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas (N,) of boxes (N, 4), xyxy with continuous coordinates: width = x2 - x1."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_iou(
    detected: NDArray[np.float64], truth: NDArray[np.float64], crowd: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """IoU of boxes (D, 4) and (G, 4), xyxy with continuous coordinates -> (D, G) in [0, 1].

    For a crowd ground truth the union is the detection alone (COCO). Boxes without area overlap nothing.
    """
    low = np.maximum(detected[:, None, :2], truth[None, :, :2])
    size = np.minimum(detected[:, None, 2:], truth[None, :, 2:]) - low
    intersection = np.where((size > 0).all(axis=2), size[..., 0] * size[..., 1], 0.0)
    detected_area = box_area(detected)[:, None]
    union = detected_area + box_area(truth)[None] - intersection
    if crowd is not None:
        union = np.where(crowd[None], detected_area, union)
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)


def greedy_match(
    overlap: NDArray[np.float64], threshold: float, ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """COCO's assignment inside one image and class (eval_spec (a)).

    Takes overlaps (D, G), best detection first; returns per detection (D,) its ground truth, or -1. Each
    detection takes the free ground truth with the largest overlap, the later one of equals; it takes an
    ignored one only when no counted one reaches the threshold. Crowd boxes stay free.
    """
    # Counted ground truths first: the scan may stop at the first ignored one once something is found.
    scan = np.argsort(ignored, kind="stable").tolist()
    ignores, crowds = ignored.tolist(), crowd.tolist()
    taken = [False] * len(scan)
    matches = np.full(len(overlap), -1, np.int64)
    least = min(threshold, 1 - 1e-10)
    for row in np.flatnonzero((overlap >= least).any(axis=1)).tolist():
        overlaps, best, found = overlap[row].tolist(), least, -1
        for column in scan:
            if taken[column] and not crowds[column]:
                continue
            if found >= 0 and ignores[column] and not ignores[found]:
                break
            if overlaps[column] >= best:
                best, found = overlaps[column], column
        if found >= 0:
            taken[found] = True
            matches[row] = found
    return matches
