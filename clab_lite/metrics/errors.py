"""What kinds of errors cost how much AP: TIDE (arXiv 2008.08115) at COCO AP50.

Each detection that counts as wrong has one kind of error, the first of these that holds. Its overlap is the largest
IoU with the ground truths that count, of its own class or of others:

- localisation: overlap of 0.1 to 0.5 with its own class. Mended: the box is right.
- class: overlap of at least 0.5 with another class. Mended: the class is right.
- duplicate: overlap of at least 0.5 with its own class; the object was found already. Mended: it is gone.
- both: overlap of 0.1 to 0.5 with another class. Mended: it is gone.
- background: all other. Mended: it is gone.

The last kind is that of a ground truth: missed, found by nothing, and no localisation or class error is at it.
Mended: it is no longer to be found.

A mended detection whose object was found already is gone, and so are all but the best of those at one object. The
cost of a kind is what AP50 gains when that kind alone is mended; costs do not add up to the AP that is lacking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.average_precision import accumulate, accumulate_all
from clab_lite.metrics.batches import Batch
from clab_lite.metrics.coco import AREA_RANGES, CocoRules
from clab_lite.metrics.collect import Weights, collect
from clab_lite.metrics.matching import Candidates, match, paired_iou
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes, Points

KINDS = ("localisation", "class", "duplicate", "both", "background", "missed")
FOREGROUND, FOUND = 0.1, 0.5
"""IoU from which a box is at an object at all, and from which it has found it."""


class ErrorRules:
    """COCO's rules at IoU 0.5, and for each kind of error the same after mending it: one column each.

    For one pass of `collect`, after which `costs` reads the outcomes. Arguments as in `CocoRules`, with one area range.
    """

    points: Points = "101"
    columns: tuple[str, ...] = ("now", *KINDS)

    def __init__(
        self,
        truth: GroundTruth,
        *,
        ignored: NDArray[np.bool_] | None = None,
        area: tuple[float, float] = AREA_RANGES["all"],
        cap: int = 100,
    ) -> None:
        self.truth = truth
        self._coco = CocoRules(truth, thresholds=(FOUND,), areas={"all": area}, ignored=ignored, cap=cap)
        self._counted = self._coco.counted()[0]
        self._reached = np.zeros(len(truth), bool)  # found, or with a localisation or class error at it
        self._counts = dict.fromkeys(KINDS, 0)
        self._seen = 0
        self._renamed: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # rows of the outcomes, right labels

    def counted(self) -> NDArray[np.bool_]:
        """(K, G) ground truths that count as to be found; asked for after the detections have been seen."""
        answer = np.repeat(self._counted[None], len(self.columns), axis=0)
        answer[self.columns.index("missed")] &= self._reached
        return answer

    def codes(self, batch: Batch, weights: Weights) -> NDArray[np.integer]:
        """(N, K) what becomes of each detection of the batch."""
        now = self._coco.codes(batch, weights)[:, 0]
        found, own, other = self._overlaps(batch, now)
        self._reached |= found
        answer = np.repeat(now[:, None], len(self.columns), axis=1)
        kind = np.where(now == FALSE, _kind(own.iou, other.iou), -1)
        for k, name in enumerate(KINDS):
            rows = np.flatnonzero(kind == k)
            self._counts[name] += len(rows)
            answer[rows, 1 + k] = DROPPED
            if name in ("localisation", "class"):
                target = (own if name == "localisation" else other).truth[rows]
                self._reached[target] = True
                best = _best(target, batch.detections.score[rows])
                best = best[~found[target[best]]]
                answer[rows[best], 1 + k] = TRUE
                if name == "class":
                    self._renamed.append((self._seen + rows[best], self.truth.label[target[best]]))
        self._seen += len(batch)
        return answer

    def costs(self, outcomes: Outcomes) -> dict[str, tuple[int, float]]:
        """Kind -> how many, and what AP50 gains by mending them; empty when no ground truth counts.

        outcomes: what `collect` made of these rules. A class of which everything was missed has AP 1 once that is
        mended.
        """
        if not self._counted.any():
            return {}
        after = accumulate_all(outcomes)
        after["class"] = accumulate(self._with_right_labels(outcomes), "class")
        there = after["now"].truths > 0
        counts = self._counts | {"missed": int((self._counted & ~self._reached).sum())}
        answer = {}
        for name in KINDS:
            ap = np.where(after[name].truths > 0, after[name].ap, 1.0)[there].mean()
            answer[name] = counts[name], max(0.0, float(ap - after["now"].mean()))
        return answer

    def _overlaps(self, batch: Batch, now: NDArray[np.integer]) -> tuple[NDArray[np.bool_], _Nearest, _Nearest]:
        """The ground truths (G,) that are found; for detections that are wrong the nearest one of their own class, and
        of the others.
        """
        detection, truth = batch.pairs
        iou = paired_iou(batch.detections.boxes[detection].astype(np.float64), self.truth.boxes[truth])
        near = self._counted[truth] & (iou >= FOREGROUND)
        detection, truth, iou = detection[near], truth[near], iou[near]
        same = batch.detections.label[detection] == self.truth.label[truth]
        # Who found which: the right ones choose as among all, since no other takes a ground truth that counts.
        right = Candidates.of(detection, truth, iou, same & (iou >= FOUND) & (now[detection] == TRUE))
        found = np.zeros(len(self.truth), bool)
        found[right.truth[match(batch, right, np.arange(len(right.truth))[None])[0]]] = True
        wrong = now[detection] == FALSE
        own, other = (Candidates.of(detection, truth, iou, wrong & part) for part in (same, ~same))
        return found, _Nearest.of(own, len(batch)), _Nearest.of(other, len(batch))

    def _with_right_labels(self, outcomes: Outcomes) -> Outcomes:
        """The column of the class errors, where the mended ones have the class of their object."""
        k = outcomes.column("class")
        label = outcomes.label.copy()
        for rows, right in self._renamed:
            label[rows] = right
        return replace(
            outcomes, columns=("class",), label=label, code=outcomes.code[[k]], counted=outcomes.counted[[k]]
        )


def error_costs(
    chunks: Iterable[Detections],
    truth: GroundTruth,
    num_classes: int,
    *,
    ignored: NDArray[np.bool_] | None = None,
    area: tuple[float, float] = AREA_RANGES["all"],
    cap: int = 100,
) -> dict[str, tuple[int, float]]:
    """Kind of error -> how many, and what AP50 gains by mending them; empty when no ground truth counts.

    Arguments as in `CocoRules` and `collect`, with one area range.
    """
    rules = ErrorRules(truth, ignored=ignored, area=area, cap=cap)
    return rules.costs(collect(chunks, num_classes, rules)[0])


@dataclass(frozen=True)
class _Nearest:
    """For each of N detections the ground truth with the largest overlap, and that; 0 where nothing overlaps."""

    truth: NDArray[np.int64]
    iou: NDArray[np.floating]

    @classmethod
    def of(cls, pairs: Candidates, count: int) -> _Nearest:
        truth, iou = np.zeros(count, np.int64), np.zeros(count)
        truth[pairs.detection] = pairs.truth  # the last pair of a detection is its best, and stays
        iou[pairs.detection] = pairs.iou
        return cls(truth, iou)


def _kind(own: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.integer]:
    """(N,) positions in KINDS, from the overlaps with the own class and with others."""
    near = (own >= FOREGROUND) & (own < FOUND)
    holds = [near, other >= FOUND, own >= FOUND, other >= FOREGROUND]
    return np.select(holds, range(len(holds)), len(holds))


def _best(target: NDArray[np.int64], score: NDArray[np.floating]) -> NDArray[np.int64]:
    """Positions of the best score of each target; the first of equals."""
    order = np.lexsort((-score, target))
    return order[np.append(True, np.diff(target[order]) != 0)[: len(order)]]
