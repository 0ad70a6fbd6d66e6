"""COCO average precision, equal to pycocotools at a fraction of its time and memory.

Flat arrays in, one pass of matching, then AP and recall at every threshold, size range and detection cap.
eval_spec (a); goldens `evaluation/*` and `official/eval_*`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.matching import Ranked, box_area, box_iou, greedy_match, paired_groups, rank_detections

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
# float64 hundredths: a float32 ramp moves AP by up to 0.003 (eval_spec, "Differences on the goldens").
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
AREA_RANGES: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
TRUE, FALSE, IGNORED = 1, 0, -1
"""What became of a detection."""


@dataclass(frozen=True)
class CocoScores:
    """AP and recall at every setting; NaN where a class has no counted ground truth.

    precision: (thresholds, classes, areas, caps) AP. recall: same shape, highest recall reached.
    truths: (classes, areas) counted ground truths. caps: most detections per image and class.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    truths: NDArray[np.int64]
    thresholds: tuple[float, ...]
    areas: tuple[str, ...]
    caps: tuple[int, ...]

    def ap(self, threshold: float | None = None, area: str = "all", cap: int | None = None) -> float:
        """Mean AP over the classes with ground truth, and over all thresholds unless one is named.

        NaN when there is nothing to average; `why_undefined` says why.
        """
        return _mean(self._pick(self.precision, threshold, area, cap))

    def ar(self, threshold: float | None = None, area: str = "all", cap: int | None = None) -> float:
        """Mean recall, chosen as in `ap`."""
        return _mean(self._pick(self.recall, threshold, area, cap))

    def per_class(
        self, threshold: float | None = None, area: str = "all", cap: int | None = None
    ) -> NDArray[np.float64]:
        """AP (classes,); NaN for a class without counted ground truth, 0 for one without detections."""
        return self._pick(self.precision, threshold, area, cap).mean(axis=0)

    def why_undefined(self, area: str = "all") -> str | None:
        """The reason why `ap` is NaN, or None when it is a number."""
        if self.truths[:, self.areas.index(area)].sum():
            return None
        return "there is no ground truth" + ("" if area == "all" else f" of size {area}")

    def _pick(
        self, values: NDArray[np.float64], threshold: float | None, area: str, cap: int | None
    ) -> NDArray[np.float64]:
        rows = range(len(self.thresholds)) if threshold is None else [self._threshold(threshold)]
        return values[rows, :, self.areas.index(area), self.caps.index(self.caps[-1] if cap is None else cap)]

    def _threshold(self, wanted: float) -> int:
        nearest = int(np.argmin(np.abs(np.asarray(self.thresholds) - wanted)))
        if abs(self.thresholds[nearest] - wanted) > 1e-9:
            raise DataError(f"IoU threshold {wanted} was not evaluated. Choose one of {list(self.thresholds)}.")
        return nearest


def evaluate_coco(
    detections: Detections,
    truth: GroundTruth,
    num_classes: int,
    *,
    thresholds: Sequence[float] = IOU_THRESHOLDS,
    areas: Mapping[str, tuple[float, float]] = AREA_RANGES,
    caps: Sequence[int] = (100,),
) -> CocoScores:
    """Score detections against ground truth.

    Args:
        detections, truth: boxes of all images in one coordinate frame (the original frame's pixels).
        num_classes: labels are 0 ... num_classes-1; DataError otherwise.
        thresholds: IoU from which a detection may match.
        areas: name -> (least, most) pixels², both ends inclusive; ground truth and unmatched detections
            outside are ignored.
        caps: ascending; only the best so many detections per image and class count. (100,) is COCO and
            CLAB's test setting; mmdet prints AP at 100 but AP50 at 1000.

    Never fails for want of boxes: AP is 0 for a class without detections, NaN for one without ground truth.
    """
    _check(detections, truth, num_classes, caps)
    ranked = rank_detections(detections)
    outcome = _outcomes(detections, ranked, truth, thresholds, tuple(areas.values()))
    # One order for all curves: score, then image, then rank, as concatenating image by image gives.
    by_score = np.argsort(-detections.score[ranked.order], kind="stable")
    label = detections.label[ranked.order][by_score]
    counted_labels = [truth.label[~_ignored(truth, limits)] for limits in areas.values()]
    truths = np.stack([np.bincount(labels, minlength=num_classes) for labels in counted_labels], axis=1)
    shape = (len(thresholds), num_classes, len(areas), len(caps))
    precision, recall = np.full(shape, math.nan), np.full(shape, math.nan)
    for c in np.flatnonzero(truths.any(axis=1)).tolist():
        rows = by_score[label == c]
        for m, cap in enumerate(caps):
            capped = outcome[:, :, rows[ranked.rank[rows] < cap]]
            for t, a in np.ndindex(len(thresholds), len(areas)):
                if truths[c, a]:
                    counted = capped[t, a][capped[t, a] != IGNORED]
                    precision[t, c, a, m], recall[t, c, a, m] = average_precision(counted == TRUE, truths[c, a])
    return CocoScores(precision, recall, truths, tuple(thresholds), tuple(areas), tuple(caps))


def average_precision(positive: NDArray[np.bool_], truths: int) -> tuple[float, float]:
    """COCO's AP: the mean of the precision envelope at 101 recalls.

    positive: (N,) true or false positive, best score first. truths: counted ground truths, at least 1.
    Returns (AP, highest recall). Points of recall that are never reached count as precision 0.
    """
    if not len(positive):
        return 0.0, 0.0
    true_positives = np.cumsum(positive, dtype=np.float64)
    recall = true_positives / truths
    # pycocotools adds the spacing of 1.0 to the number of detections; it moves nothing but the last digit.
    precision = true_positives / (np.arange(1, len(positive) + 1) + np.spacing(1.0))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    first = np.searchsorted(recall, RECALL_POINTS, side="left")
    at_points = np.append(envelope, 0.0)[np.minimum(first, len(envelope))]
    return float(at_points.mean()), float(recall[-1])


def _outcomes(
    detections: Detections,
    ranked: Ranked,
    truth: GroundTruth,
    thresholds: Sequence[float],
    limits: Sequence[tuple[float, float]],
) -> NDArray[np.int8]:
    """(thresholds, areas, N) TRUE, FALSE or IGNORED for every detection, in ranked order."""
    outcome = np.zeros((len(thresholds), len(limits), len(detections)), np.int8)
    boxes = detections.boxes[ranked.order]
    area = box_area(boxes)
    for a, (least, most) in enumerate(limits):
        # Unmatched and of another size: neither right nor wrong. A match overwrites this below.
        outcome[:, a, (area < least) | (area > most)] = IGNORED
    ignored = [_ignored(truth, limit) for limit in limits]
    for rows, columns in paired_groups(detections, ranked, truth):
        crowd = truth.crowd[columns]
        overlap = box_iou(boxes[rows], truth.boxes[columns], crowd)
        for t, threshold in enumerate(thresholds):
            for a in range(len(limits)):
                skip = ignored[a][columns]
                match = greedy_match(overlap, threshold, skip, crowd)
                group = outcome[t, a, rows]
                group[match >= 0] = np.where(skip[match[match >= 0]], IGNORED, TRUE)
    return outcome


def _ignored(truth: GroundTruth, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """(G,) ground truths that may absorb a detection but do not count: crowds, sizes out of range."""
    return truth.crowd | (truth.area < limits[0]) | (truth.area > limits[1])


def _check(detections: Detections, truth: GroundTruth, num_classes: int, caps: Sequence[int]) -> None:
    for name, label in (("detections", detections.label), ("ground truth", truth.label)):
        if len(label) and label.max() >= num_classes:
            row = int(np.argmax(label))
            raise DataError(
                f"{name}, row {row}: label {label[row]} of {num_classes} classes. Give the classes trained."
            )
    if list(caps) != sorted(caps) or not caps or caps[0] < 1:
        raise DataError(f"caps {tuple(caps)} must be positive and ascending, for example (100,) or (100, 1000).")


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of the numbers among `values`; NaN when there is none (and no warning)."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else math.nan
