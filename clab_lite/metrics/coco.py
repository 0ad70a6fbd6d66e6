"""The rules of COCO, equal to pycocotools at a fraction of its time and memory.

eval_spec (a); goldens `evaluation/*` and `official/eval_*`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.average_precision import accumulate_all
from clab_lite.metrics.batches import Batch, ranks
from clab_lite.metrics.collect import Weights, collect
from clab_lite.metrics.matching import Candidates, box_area, match, paired_iou
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes, Points

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
AREA_RANGES: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
ALL = {"all": AREA_RANGES["all"]}


class CocoRules:
    """COCO's rules for every threshold in every size range.

    Args:
        truth: the ground truth.
        thresholds: IoU from which a detection may match.
        areas: name -> (least, most) pixels², both ends inclusive; ground truth and unmatched detections outside are
            not counted. A column is called "0.50 all".
        ignored: (G,) further ground truths that do not count; a detection that matches one is dropped.
        cap: only the best so many detections per image and class count.
    """

    points: Points = "101"

    def __init__(
        self,
        truth: GroundTruth,
        *,
        thresholds: Sequence[float] = IOU_THRESHOLDS,
        areas: Mapping[str, tuple[float, float]] = ALL,
        ignored: NDArray[np.bool_] | None = None,
        cap: int = 100,
    ) -> None:
        if ignored is not None and len(ignored) != len(truth):
            raise DataError(f"{len(ignored)} rows of `ignored` for {len(truth)} ground truths. Give one per box.")
        self.truth = truth
        self.cap = cap
        self.columns = tuple(f"{_hundredths(threshold)} {area}" for threshold in thresholds for area in areas)
        self._settings = [(threshold, *limits) for threshold in thresholds for limits in areas.values()]
        skipped = truth.crowd if ignored is None else truth.crowd | ignored
        area = truth.area
        self._ignored = skipped | np.stack([(area < least) | (area > most) for _, least, most in self._settings])

    def counted(self) -> NDArray[np.bool_]:
        """(K, G) ground truths that count as to be found."""
        return ~self._ignored

    def codes(self, batch: Batch, _weights: Weights) -> NDArray[np.integer]:
        """(N, K) what becomes of each detection of the batch."""
        answer = np.full((len(batch), len(self.columns)), FALSE, np.uint8)
        area = box_area(batch.detections.boxes.astype(np.float64))
        for k, (_, least, most) in enumerate(self._settings):
            # Unmatched and of another size: neither right nor wrong. A match overwrites this below.
            answer[(area < least) | (area > most), k] = DROPPED
        detection, truth = batch.class_pairs
        if batch.largest_frame > self.cap:
            answer[batch.rank >= self.cap] = DROPPED
            keep = batch.rank[detection] < self.cap
            detection, truth = detection[keep], truth[keep]
        iou = paired_iou(
            batch.detections.boxes[detection].astype(np.float64), self.truth.boxes[truth], crowd=self.truth.crowd[truth]
        )
        thresholds = np.minimum([threshold for threshold, *_ in self._settings], 1 - 1e-10)
        pairs = Candidates.of(detection, truth, iou, iou >= thresholds.min())
        ignored = self._ignored[:, pairs.truth]
        # A counted ground truth before an ignored one, then the larger overlap, then the later of equals.
        place = np.arange(len(pairs.truth))
        priority = np.where(ignored, place, place + len(place))
        priority[pairs.iou < thresholds[:, None]] = -1
        columns, matched = np.nonzero(match(batch, pairs, priority, self.truth.crowd))
        answer[pairs.detection[matched], columns] = np.where(ignored[columns, matched], DROPPED, TRUE)
        return answer


def _hundredths(threshold: float) -> str:
    """Two decimals, as in "0.50"; all of them where two are not enough."""
    return f"{threshold:.2f}" if abs(round(threshold, 2) - threshold) < 1e-9 else repr(float(threshold))


def coco_outcomes(
    chunks: Iterable[Detections],
    truth: GroundTruth,
    num_classes: int,
    *,
    thresholds: Sequence[float] = IOU_THRESHOLDS,
    areas: Mapping[str, tuple[float, float]] = ALL,
    ignored: NDArray[np.bool_] | None = None,
    cap: int = 100,
) -> Outcomes:
    """What becomes of every detection by COCO's rules. Arguments as in `CocoRules` and `collect`."""
    rules = CocoRules(truth, thresholds=thresholds, areas=areas, ignored=ignored, cap=cap)
    return collect(chunks, num_classes, rules)[0]


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
    """Score detections against ground truth, all held in memory; images may have any ids, in any order.

    Args:
        detections, truth: boxes of all images in one coordinate frame (the original frame's pixels).
        num_classes: labels are 0 ... num_classes-1; DataError otherwise.
        thresholds, areas: as in `CocoRules`.
        caps: ascending; only the best so many detections per image and class count. (100,) is COCO and
            CLAB's test setting; mmdet prints AP at 100 but AP50 at 1000.

    Never fails for want of boxes: AP is 0 for a class without detections, NaN for one without ground truth.
    """
    if list(caps) != sorted(caps) or not caps or caps[0] < 1:
        raise DataError(f"caps {tuple(caps)} must be positive and ascending, for example (100,) or (100, 1000).")
    _, image = np.unique(np.concatenate([truth.image, detections.image]), return_inverse=True)
    truth = replace(truth, image=image[: len(truth)])
    detections = replace(detections, image=image[len(truth) :])
    detections = detections.rows(np.argsort(detections.image, kind="stable"))
    outcomes = coco_outcomes([detections], truth, num_classes, thresholds=thresholds, areas=areas, cap=caps[-1])
    rank = ranks(detections)
    shape = (len(thresholds), num_classes, len(areas), len(caps))
    precision, recall = np.full(shape, math.nan), np.full(shape, math.nan)
    for m, cap in enumerate(caps):
        capped = replace(outcomes, code=np.where(rank < cap, outcomes.code, DROPPED))
        for k, column in enumerate(accumulate_all(capped).values()):
            t, a = divmod(k, len(areas))
            precision[t, :, a, m], recall[t, :, a, m] = column.ap, column.recall
    counted = outcomes.counted[: len(areas)]  # the same for every threshold
    truths = np.stack([np.bincount(truth.label[rows], minlength=num_classes) for rows in counted], axis=1)
    return CocoScores(precision, recall, truths, tuple(thresholds), tuple(areas), tuple(caps))


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of the numbers among `values`; NaN when there is none (and no warning)."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else math.nan
