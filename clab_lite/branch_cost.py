"""What the auxiliary branch costs at inference, measured by taking it out."""

from __future__ import annotations

import copy

import numpy as np

from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.evaluate import FrameDetections, detect_dataset
from clab_lite.report_data import InferenceCost


def branch_cost(detector: VideoDetector, index: VideoIndex) -> InferenceCost:
    """Detect in the videos of `index` with and without the auxiliary branch, and compare.

    Args:
        detector: with its branch; it is not changed.
        index: the videos to compare on; one is enough.

    `largest_difference` is infinite when the two do not find the same number of objects in some frame.
    """
    bare = copy.deepcopy(detector)
    bare.auxiliary = None
    one, other = (detect_dataset(model, index, progress=False) for model in (detector, bare))
    differences = [_difference(a, b) for a, b in zip(one, other, strict=True)]
    whole, rest = (sum(p.numel() for p in model.parameters()) for model in (detector, bare))
    return InferenceCost(whole, rest, max(differences, default=0.0), len(differences))


def _difference(one: FrameDetections, other: FrameDetections) -> float:
    """Largest difference of any number of two results; 0.0 only for the same bits."""
    largest = 0.0
    for name in ("boxes", "scores", "labels"):
        a, b = getattr(one, name), getattr(other, name)
        if a.shape != b.shape:
            return float("inf")
        if not np.array_equal(a, b):
            largest = max(largest, float(np.abs(a.astype(np.float64) - b).max()))
    return largest
