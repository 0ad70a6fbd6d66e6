"""What kinds of errors cost how much AP: TIDE (arXiv 2008.08115) at COCO AP50.

Each detection that counts as wrong has one kind of error, the first of these that holds. Its overlap is the largest
IoU with the ground truths that count, of its own class or of others:

- localisation: overlap of 0.1 to 0.5 with its own class. Mended: the box is right.
- class: overlap of at least 0.5 with another class. Mended: the class is right.
- duplicate: overlap of at least 0.5 with its own class; the object was found already. Mended: it is gone.
- both: overlap of 0.1 to 0.5 with another class. Mended: it is gone.
- outside: overlap of at least 0.1 with an object that does not count (of another size or speed than those asked for,
  or a crowd). Mended: it is gone.
- background: all other. Mended: it is gone.

The last kind is that of a ground truth: missed, found by nothing, and no localisation or class error is at it.
Mended: it is no longer to be found.

A mended detection whose object was found already is gone, and so are all but the best of those at one object. The
cost of a kind is what AP50 gains when that kind alone is mended; costs do not add up to the AP that is lacking.

Two steps: `classify` goes through the boxes and notes kind and object of every error; the rest mends and measures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.average_precision import Accumulated, accumulate, accumulate_all
from clab_lite.metrics.batches import Batch, batches, require_labels
from clab_lite.metrics.coco import AREA_RANGES, CocoRules
from clab_lite.metrics.collect import Growing, Weights
from clab_lite.metrics.matching import Candidates, match, paired_iou
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes

KINDS = ("localisation", "class", "duplicate", "both", "outside", "background", "missed")
FOREGROUND, FOUND = 0.1, 0.5
"""IoU from which a box is at an object at all, and from which it has found it."""


@dataclass(frozen=True)
class Classified:
    """N detections and what is wrong with them, G ground truths."""

    now: Outcomes
    """COCO at IoU 0.5, one column."""
    kind: NDArray[np.int8]
    """(N,) position in KINDS; -1 for a detection that is right or does not count."""
    target: NDArray[np.int32]
    """(N,) the ground truth at which a localisation or class error is; -1 for all others."""
    found: NDArray[np.bool_]
    """(G,) ground truths that are found."""

    @property
    def missed(self) -> NDArray[np.bool_]:
        """(G,) ground truths that count, are not found, and have no localisation or class error at them."""
        reached = self.found.copy()
        reached[self.target[self.target >= 0]] = True
        return self.now.counted[0] & ~reached

    def rows(self, kind: str) -> NDArray[np.bool_]:
        """(N,) detections with this kind of error."""
        return self.kind == KINDS.index(kind)


def error_costs(
    chunks: Iterable[Detections],
    truth: GroundTruth,
    num_classes: int,
    *,
    ignored: NDArray[np.bool_] | None = None,
    area: tuple[float, float] = AREA_RANGES["all"],
    cap: int = 100,
    labels: NDArray[np.bool_] | None = None,
) -> dict[str, tuple[int, float]]:
    """Kind of error -> how many, and what AP50 gains by mending them; empty when no ground truth counts. "outside" is
    among the kinds only where some ground truth does not count.

    Other arguments as in `CocoRules` and `collect`, with one area range. labels: (num_classes,) classes whose errors
    are counted and whose AP50 is taken; all classes take part in telling what kind an error is, and all errors are
    mended. A class of which everything was missed has AP 1 once that is mended.
    """
    chosen = np.ones(num_classes, bool) if labels is None else labels
    rules = CocoRules(truth, thresholds=(FOUND,), areas={"all": area}, ignored=ignored, cap=cap)
    told = classify(chunks, rules, num_classes)
    after = _after_mending(told)
    there = chosen & (after["now"].truths > 0)
    if not there.any():
        return {}
    answer = {}
    for kind in KINDS if not told.now.counted.all() else [kind for kind in KINDS if kind != "outside"]:
        wrong = told.now.truth_label[told.missed] if kind == "missed" else told.now.label[told.rows(kind)]
        ap = np.where(after[kind].truths > 0, after[kind].ap, 1.0)
        answer[kind] = int(chosen[wrong].sum()), max(0.0, float((ap - after["now"].ap)[there].mean()))
    return answer


def classify(chunks: Iterable[Detections], rules: CocoRules, num_classes: int) -> Classified:
    """Kind and object of every error. Arguments as in `collect`; the rules have one column, at IoU 0.5."""
    truth, weights = rules.truth, Weights()
    require_labels("ground truth", truth.label, num_classes)
    small = np.min_scalar_type(max(num_classes - 1, 0))
    counted, found = rules.counted(), np.zeros(len(truth), bool)
    columns = [Growing(dtype) for dtype in (np.float32, small, np.int32, np.uint8, np.int8, np.int32)]
    for batch in batches(chunks, truth, num_classes):
        code = rules.codes(batch, weights)[:, 0]
        newly_found, kind, target = _classified(batch, code, counted[0])
        found |= newly_found
        given = batch.detections
        rows: tuple[NDArray, ...] = (given.score, given.label, given.image, code, kind, target)
        for column, values in zip(columns, rows, strict=True):
            column.append(values)
    score, label, image, codes, kinds, targets = (column.whole() for column in columns)
    now = Outcomes(
        rules.columns,
        score,
        label,
        image,
        codes[None],
        np.array(weights.values),
        truth.label.astype(small),
        truth.image.astype(np.int32),
        counted,
        num_classes,
        rules.points,
    )
    return Classified(now, kinds, targets, found)


def _classified(
    batch: Batch, code: NDArray[np.integer], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int8], NDArray[np.int32]]:
    """What is found (G,); kind and target (N,) as in `Classified`.

    code: (N,) what becomes of the batch's detections. counted: (G,).
    """
    detection, truth = batch.pairs
    iou = paired_iou(batch.detections.boxes[detection].astype(np.float64), batch.truth.boxes[truth])
    outside = np.zeros(len(batch), bool)
    outside[detection[~counted[truth] & (iou >= FOREGROUND)]] = True
    near = counted[truth] & (iou >= FOREGROUND)
    detection, truth, iou = detection[near], truth[near], iou[near]
    same = batch.detections.label[detection] == batch.truth.label[truth]
    # Who found which: the right ones choose as among all, since no other takes a ground truth that counts.
    right = Candidates.of(detection, truth, iou, same & (iou >= FOUND) & (code[detection] == TRUE))
    found = np.zeros(len(batch.truth), bool)
    found[right.truth[match(batch, right, np.arange(len(right.truth))[None])[0]]] = True
    wrong = code == FALSE
    own, other = (Candidates.of(detection, truth, iou, wrong[detection] & part) for part in (same, ~same))
    (own_target, own_iou), (other_target, other_iou) = _nearest(own, len(batch)), _nearest(other, len(batch))
    holds = {
        "localisation": (own_iou >= FOREGROUND) & (own_iou < FOUND),
        "class": other_iou >= FOUND,
        "duplicate": own_iou >= FOUND,
        "both": other_iou >= FOREGROUND,
        "outside": outside,
        "background": np.ones(len(batch), bool),
    }
    kind = np.where(wrong, np.select(list(holds.values()), range(len(holds))), -1)  # the first that holds
    at = [kind == KINDS.index("localisation"), kind == KINDS.index("class")]
    return found, kind.astype(np.int8), np.select(at, [own_target, other_target], -1).astype(np.int32)


def _nearest(pairs: Candidates, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each of `count` detections the ground truth with the largest overlap, and that; 0 where nothing overlaps."""
    truth, iou = np.zeros(count, np.int64), np.zeros(count)
    truth[pairs.detection] = pairs.truth  # the last pair of a detection is its best, and stays
    iou[pairs.detection] = pairs.iou
    return truth, iou


def _after_mending(told: Classified) -> dict[str, Accumulated]:
    """As things are ("now"), and for each kind: AP of every class once that kind is mended."""
    now = told.now
    names = ("now", *(kind for kind in KINDS if kind != "class"))
    codes, counted = np.repeat(now.code.T, len(names), axis=1), np.repeat(now.counted, len(names), axis=0)
    for k, kind in enumerate(names):
        if kind == "localisation":
            codes[:, k] = _set_right(told, kind).code[0]
        elif kind == "missed":
            counted[k] &= ~told.missed
        elif kind != "now":
            codes[told.rows(kind), k] = DROPPED
    after = accumulate_all(replace(now, columns=names, code=codes.T, counted=counted))  # sorted once
    del codes
    return after | {"class": accumulate(_set_right(told, "class"), now.columns[0])}


def _set_right(told: Classified, kind: str) -> Outcomes:
    """The best error of a kind at each object that was not found is right and has the object's class; the others of
    that kind are gone."""
    wrong = np.flatnonzero(told.rows(kind))
    rows = wrong[~told.found[told.target[wrong]]]
    best = rows[_best(told.target[rows], told.now.score[rows])]
    code, label = told.now.code.copy(), told.now.label.copy()
    code[0, wrong] = DROPPED
    code[0, best], label[best] = TRUE, told.now.truth_label[told.target[best]]
    return replace(told.now, label=label, code=code)


def _best(target: NDArray[np.integer], score: NDArray[np.floating]) -> NDArray[np.int64]:
    """Positions of the best score of each target; the first of equals."""
    order = np.lexsort((-score, target))
    return order[np.append(True, np.diff(target[order]) != 0)[: len(order)]]
