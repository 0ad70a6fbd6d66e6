"""The rules of the two evaluators that ImageNet VID papers use: VOC-style AP at every recall, by motion.

eval_spec (b), (c), (d); MEGA (arXiv 2003.12063) and FGFA (arXiv 1703.10025, a port of the ILSVRC devkit). Scores that
are equal rank in the order given; both evaluators leave their order to an unstable sort.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.batches import Batch
from clab_lite.metrics.collect import Weights, collect
from clab_lite.metrics.matching import Candidates, match, paired_iou
from clab_lite.metrics.motion import MOTION_RANGES, motion_range
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes, Points

FGFA_AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 50.0**2),
    "medium": (50.0**2, 150.0**2),
    "large": (150.0**2, 1e10),
}
"""Pixels² where x2 and y2 are the last pixel inside, both ends inclusive."""
_PIXEL_TOLERANCE = 10


@dataclass(frozen=True)
class Range:
    """Which ground truths count in a column.

    ignored: (G,) they are no longer to be found; a detection that matches one is dropped, and one that matches nothing
        but lies nearer to an ignored ground truth than to a counted one is dropped too.
    empty_weight: what a detection weighs as a false positive where there is nothing to be near to. The official
        evaluators take the share of all objects that are in the range (`motion_ranges`); 1 for all objects.
    area: (least, most) pixels², both ends inclusive: ground truths outside do not count, and unmatched detections
        outside are dropped.
    """

    ignored: NDArray[np.bool_]
    empty_weight: float = 1.0
    area: tuple[float, float] = (-math.inf, math.inf)


def motion_ranges(truth: GroundTruth, frames: Frames) -> dict[str, Range]:
    """The ranges "all", "slow", "medium" and "fast" as the official evaluators form them; without motion only "all".

    A ground truth whose motion is not known (NaN) counts in every range. The empty weight is the share of all
    motions in the range, where each frame without objects adds one motion of 0.
    """
    ranges = {"all": Range(np.zeros(len(truth), bool))}
    if truth.motion is None:
        return ranges
    empty = len(frames) - len(np.unique(truth.image))
    motions = np.append(truth.motion, np.zeros(empty))
    for name, (least, most) in MOTION_RANGES.items():
        outside = (truth.motion < least) | (truth.motion > most)
        share = motion_range(motions, name).mean() if len(motions) else 0.0
        ranges[name] = Range(outside, float(share))
    return ranges


class _VocRules:
    """What the two evaluators share. One column for each range."""

    points: Points = "all"

    def __init__(self, truth: GroundTruth, frames: Frames, ranges: Mapping[str, Range]) -> None:
        if len(truth) and truth.image.max() >= len(frames):
            row = int(np.argmax(truth.image))
            raise DataError(
                f"ground truth, row {row}: frame {truth.image[row]} of {len(frames)}. Give one row of Frames per frame."
            )
        for name, chosen in ranges.items():
            if len(chosen.ignored) != len(truth):
                raise DataError(f"range {name!r}: {len(chosen.ignored)} rows for {len(truth)} ground truths.")
        self.truth = truth
        self.columns = tuple(ranges)
        self._ranges = tuple(ranges.values())
        # Neither evaluator knows crowds; what is not one object cannot be one to be found.
        self._ignored = np.stack([chosen.ignored | truth.crowd for chosen in self._ranges])
        area = _pixel_area(truth.boxes)
        self._uncounted = self._ignored | np.stack([_outside(area, chosen) for chosen in self._ranges])

    def counted(self) -> NDArray[np.bool_]:
        """(K, G) ground truths that count as to be found."""
        return ~self._uncounted

    def _settled(
        self, batch: Batch, answer: NDArray[np.integer], pairs: Candidates, priority: NDArray[np.int64]
    ) -> NDArray[np.integer]:
        """The codes (N, K), given those of the detections if none of them matched."""
        area = _pixel_area(batch.detections.boxes.astype(np.float64))
        for k, chosen in enumerate(self._ranges):
            answer[_outside(area, chosen), k] = DROPPED
        columns, matched = np.nonzero(match(batch, pairs, priority))
        uncounted = self._uncounted[columns, pairs.truth[matched]]
        answer[pairs.detection[matched], columns] = np.where(uncounted, DROPPED, TRUE)
        return answer

    def _unmatched(
        self,
        batch: Batch,
        pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
        iou: NDArray[np.floating],
        empty: list[float],
        weights: Weights,
    ) -> NDArray[np.integer]:
        """(N, K) codes of detections that match nothing: wrong if the nearest ground truth counts, dropped if it is
        ignored, of the weight `empty` without any, and of the share of ignored ones where both are as near.

        pairs: the ground truths that a detection may be near to, by detection. iou: of the pairs.
        """
        detection, truth = pairs
        starts = np.flatnonzero(np.append(True, np.diff(detection) != 0))[: len(detection)]
        rows = detection[starts]
        columns = []
        for ignored, weight in zip(self._ignored, empty, strict=True):
            column = np.full(len(batch), weights.encode(np.array([weight]))[0])
            skip = ignored[truth]
            if not skip.any():
                column[rows] = FALSE
            else:
                counted = np.maximum.reduceat(np.where(skip, -1, iou), starts)
                skipped = np.maximum.reduceat(np.where(skip, iou, -1), starts)
                share = np.add.reduceat(skip.astype(np.float64), starts) / np.diff(starts, append=len(detection))
                codes = weights.encode(np.where(counted == skipped, share, counted > skipped))
                column = column.astype(np.result_type(column, codes))
                column[rows] = codes
            columns.append(column)
        return np.stack(columns, axis=1)


class MegaRules(_VocRules):
    """MEGA's `vid_eval`: IoU of at least 0.5, boxes two pixels wider than x2 - x1, ground truth moved into the frame.

    It computes in float32, and so does this: the same pairs reach 0.5.
    """

    def __init__(self, truth: GroundTruth, frames: Frames, ranges: Mapping[str, Range]) -> None:
        super().__init__(truth, frames, ranges)
        # All four coordinates to both ends: a box beside the frame becomes the frame's row or column next to it.
        last = np.stack([frames.width, frames.height] * 2, axis=1)[truth.image] - 1
        self._boxes = np.clip(truth.boxes, 0, last).astype(np.float32)
        self._boxes[:, 2:] += 1
        # A weight of 0 would be read as "not ignored".
        self._empty = [chosen.empty_weight or 1.0 for chosen in self._ranges]

    def codes(self, batch: Batch, weights: Weights) -> NDArray[np.integer]:
        """(N, K) what becomes of each detection of the batch."""
        detection, truth = batch.class_pairs
        boxes = batch.detections.boxes.astype(np.float32)
        boxes[:, 2:] += 1
        iou = paired_iou(boxes[detection], self._boxes[truth], extra=1)
        answer = self._unmatched(batch, (detection, truth), iou, self._empty, weights)
        pairs = Candidates.of(detection, truth, iou, iou >= 0.5)
        # The largest overlap; of equals the first that counts, else the last.
        first, stop = pairs.ties()
        place = np.arange(len(first))
        ignored = self._uncounted[:, pairs.truth]
        priority = first + np.where(ignored, place, stop + (stop - 1 - place))
        return self._settled(batch, answer, pairs, priority)


class FgfaRules(_VocRules):
    """FGFA's `imagenet_vid_eval_motion`, as the ILSVRC devkit: a smaller IoU is enough for a small object, boxes one
    pixel wider than x2 - x1, and a detection may be near to an object of any class.
    """

    def __init__(self, truth: GroundTruth, frames: Frames, ranges: Mapping[str, Range]) -> None:
        super().__init__(truth, frames, ranges)
        size = truth.boxes[:, 2:] - truth.boxes[:, :2] + 1
        with np.errstate(divide="ignore", invalid="ignore"):  # a box turned inside out
            loosened = size.prod(axis=1) / (size + _PIXEL_TOLERANCE).prod(axis=1)
        self._threshold = np.minimum(0.5, loosened)

    def codes(self, batch: Batch, weights: Weights) -> NDArray[np.integer]:
        """(N, K) what becomes of each detection of the batch."""
        detection, truth = batch.pairs
        iou = paired_iou(batch.detections.boxes[detection].astype(np.float64), self.truth.boxes[truth], extra=1)
        empty = [chosen.empty_weight for chosen in self._ranges]
        answer = self._unmatched(batch, (detection, truth), iou, empty, weights)
        same = batch.detections.label[detection] == self.truth.label[truth]
        pairs = Candidates.of(detection, truth, iou, same & (iou >= self._threshold[truth]))
        # The largest overlap; of equals the first.
        first, stop = pairs.ties()
        priority = first + stop - 1 - np.arange(len(first))
        return self._settled(batch, answer, pairs, np.broadcast_to(priority, (len(self.columns), len(first))))


def mega_outcomes(
    chunks: Iterable[Detections],
    truth: GroundTruth,
    frames: Frames,
    num_classes: int,
    *,
    ranges: Mapping[str, Range] | None = None,
) -> Outcomes:
    """What becomes of every detection by MEGA's rules, one column per range (None: `motion_ranges`).

    Other arguments as in `collect`. Raises DataError for a frame or a label out of range.
    """
    rules = MegaRules(truth, frames, motion_ranges(truth, frames) if ranges is None else ranges)
    return collect(chunks, num_classes, rules)[0]


def fgfa_outcomes(
    chunks: Iterable[Detections],
    truth: GroundTruth,
    frames: Frames,
    num_classes: int,
    *,
    ranges: Mapping[str, Range] | None = None,
) -> Outcomes:
    """What becomes of every detection by FGFA's rules. Arguments as in `mega_outcomes`."""
    rules = FgfaRules(truth, frames, motion_ranges(truth, frames) if ranges is None else ranges)
    return collect(chunks, num_classes, rules)[0]


def _pixel_area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas (N,) where x2 and y2 are the last pixel inside: width = x2 - x1 + 1."""
    return (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)


def _outside(area: NDArray[np.float64], chosen: Range) -> NDArray[np.bool_]:
    return (area < chosen.area[0]) | (area > chosen.area[1])
