"""MEGA's and FGFA's evaluators written out plainly, one box at a time, from eval_spec (b) to (d)."""

from __future__ import annotations

import math

import numpy as np

from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.voc import Range

Verdict = tuple[bool, float]
"""Right, and weight as a wrong one."""


def iou(one: np.ndarray, other: np.ndarray, extra: int) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + extra
    height = min(one[3], other[3]) - max(one[1], other[1]) + extra
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + extra) * (box[3] - box[1] + extra) for box in (one, other)]
    return width * height / (areas[0] + areas[1] - width * height)


def pixel_area(box: np.ndarray) -> float:
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def inside(box: np.ndarray, chosen: Range) -> bool:
    return chosen.area[0] <= pixel_area(box) <= chosen.area[1]


def nearest(overlaps: dict[int, float], ignored: np.ndarray, empty: float) -> float:
    """Weight of an unmatched detection, given its overlap with each ground truth it may be near to."""
    if not overlaps:
        return empty
    counted = max([value for g, value in overlaps.items() if not ignored[g]], default=-1)
    skipped = max([value for g, value in overlaps.items() if ignored[g]], default=-1)
    if counted != skipped:
        return 1.0 if counted > skipped else 0.0
    return sum(bool(ignored[g]) for g in overlaps) / len(overlaps)


def mega(found: Detections, truth: GroundTruth, frames: Frames, chosen: Range) -> list[Verdict]:
    verdicts: list[Verdict] = [(False, math.nan)] * len(found)
    taken: set[int] = set()
    for d in np.lexsort((-found.score, found.image)).tolist():
        width, height = frames.width[found.image[d]], frames.height[found.image[d]]
        overlaps = {}
        for g in np.flatnonzero((truth.image == found.image[d]) & (truth.label == found.label[d])).tolist():
            x1, y1, x2, y2 = truth.boxes[g]
            x1, x2 = (min(max(x, 0), width - 1) for x in (x1, x2))
            y1, y2 = (min(max(y, 0), height - 1) for y in (y1, y2))
            overlaps[g] = iou(found.boxes[d], np.array([x1, y1, x2, y2]), 2)
        best, most = None, 0.5
        for g, value in overlaps.items():
            if g in taken or value < most:
                continue
            if value > most or best is None or chosen.ignored[best]:
                best = g
            most = value
        if best is not None:
            taken.add(best)
            verdicts[d] = (not chosen.ignored[best], 0.0)
        else:
            verdicts[d] = (False, nearest(overlaps, chosen.ignored, chosen.empty_weight or 1.0))
    return verdicts


def fgfa(found: Detections, truth: GroundTruth, frames: Frames, chosen: Range) -> list[Verdict]:
    verdicts: list[Verdict] = [(False, math.nan)] * len(found)
    taken: set[int] = set()
    for d in np.lexsort((-found.score, found.image)).tolist():
        overlaps = {
            g: iou(found.boxes[d], truth.boxes[g], 1) for g in np.flatnonzero(truth.image == found.image[d]).tolist()
        }
        best, most = None, -1.0
        for g, value in overlaps.items():
            width, height = truth.boxes[g][2:] - truth.boxes[g][:2] + 1
            least = min(0.5, width * height / ((width + 10) * (height + 10)))
            if truth.label[g] == found.label[d] and g not in taken and value >= least and value > most:
                best, most = g, value
        if best is not None:
            taken.add(best)
            verdicts[d] = (not chosen.ignored[best] and inside(truth.boxes[best], chosen), 0.0)
        elif not inside(found.boxes[d], chosen):
            verdicts[d] = (False, 0.0)
        else:
            verdicts[d] = (False, nearest(overlaps, chosen.ignored, chosen.empty_weight))
    return verdicts


def average_precision(verdicts: list[Verdict], truths: int) -> float:
    """Area under the envelope; verdicts by descending score."""
    right = wrong = 0.0
    curve = []
    for true, weight in verdicts:
        right, wrong = right + true, wrong + weight
        curve.append((right / truths, right / (right + wrong) if right else 0.0))
    area, last = 0.0, 0.0
    for k, (recall, _) in enumerate(curve):
        area += (recall - last) * max(precision for _, precision in curve[k:])
        last = recall
    return area


def scores(verdicts: list[Verdict], found: Detections, truth: GroundTruth, counted: np.ndarray, classes: int) -> list:
    """AP of each class, NaN without counted ground truth."""
    answer = []
    for label in range(classes):
        rows = [d for d in np.argsort(-found.score, kind="stable") if found.label[d] == label]
        truths = sum(bool(counted[g]) for g in range(len(truth)) if truth.label[g] == label)
        answer.append(average_precision([verdicts[d] for d in rows], truths) if truths else math.nan)
    return answer
