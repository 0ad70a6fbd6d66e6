"""Random small evaluations on a coarse grid: equal overlaps, equal scores and empty boxes come up all the time."""

from __future__ import annotations

import math

import numpy as np

from clab_lite.metrics.arrays import Detections, Frames, GroundTruth

FRAMES, CLASSES = 7, 3


def _boxes(rng: np.random.Generator, count: int, step: float) -> np.ndarray:
    corner = rng.integers(-1, 6, (count, 2)) * step
    return np.concatenate([corner, corner + rng.integers(0, 6, (count, 2)) * step], axis=1)


def random_evaluation(
    seed: int, found: int = 60, objects: int = 16, *, crowds: bool = False
) -> tuple[Detections, GroundTruth, Frames]:
    """Detections sorted by frame, ground truth in any order, some motions unknown, some frames empty."""
    rng = np.random.default_rng(seed)
    step = [4.0, 16.0][seed % 2]  # small ones, for which FGFA asks less
    image = rng.integers(0, FRAMES, objects)
    image[image == 3] = 4  # a frame without objects
    truth = GroundTruth.of(
        image,
        rng.integers(0, CLASSES - 1, objects),  # a class without objects
        _boxes(rng, objects, step),
        crowd=crowds & (rng.random(objects) < 0.3),
        motion=rng.choice([0.2, 0.7, 0.8, 0.95, 1.0, math.nan], objects),
    )
    boxes = _boxes(rng, found, step)
    near = rng.random(found) < 0.5
    copied = rng.integers(0, objects, found)
    boxes[near] = truth.boxes[copied[near]] + rng.integers(-1, 2, (near.sum(), 4)) * step / 4
    image = np.where(near, truth.image[copied], rng.integers(0, FRAMES, found))
    label = np.where(near & (rng.random(found) < 0.8), truth.label[copied], rng.integers(0, CLASSES, found))
    detections = Detections.of(image, label, boxes, rng.integers(1, 9, found) / 8)
    frames = Frames.of([70] * FRAMES, [50] * FRAMES, [0] * FRAMES)
    return detections.rows(np.argsort(detections.image, kind="stable")), truth, frames
