"""Five detections of four dogs in one frame: small enough to compute average precision by hand, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.average_precision import RECALL_POINTS, accumulate
from clab_lite.metrics.coco import coco_outcomes
from clab_lite.metrics.matching import box_iou

FRAME = (200, 120)
"""Width and height of the frame, pixels."""


@dataclass(frozen=True)
class FiveBoxes:
    """One frame, one class.

    names: of the D detections. boxes: (D, 4), scores: (D,). truth: (G, 4), called 1 ... G.
    Boxes are (x1, y1, x2, y2) pixels, continuous: width = x2 - x1.
    """

    names: tuple[str, ...]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    truth: NDArray[np.float64]

    def with_score(self, name: str, score: float) -> FiveBoxes:
        """The same boxes, one of them with another score."""
        if name not in self.names:
            raise DataError(f"there is no detection {name!r}. Choose one of {', '.join(self.names)}.")
        scores = self.scores.copy()
        scores[self.names.index(name)] = score
        return replace(self, scores=scores)

    def overlaps(self) -> NDArray[np.float64]:
        """(D, G) IoU of every detection with every dog."""
        return np.asarray(box_iou(self.boxes, self.truth), np.float64)


def five_boxes() -> FiveBoxes:
    """The example of the lesson: three good boxes, a second one on a dog that was found already, one on nothing."""
    truth = [(10, 12, 52, 54), (74, 10, 116, 52), (138, 14, 188, 50), (96, 70, 150, 108)]
    boxes = [(12, 13, 54, 56), (5, 18, 47, 60), (82, 14, 124, 56), (141, 16, 192, 50), (14, 74, 58, 110)]
    names, scores = ("A", "B", "C", "D", "E"), [0.95, 0.85, 0.70, 0.60, 0.30]
    return FiveBoxes(names, np.array(boxes, float), np.array(scores), np.array(truth, float))


def rank_and_match(example: FiveBoxes, threshold: float) -> pd.DataFrame:
    """Steps 1 and 2: best score first; each takes the free dog that it overlaps most, if by `threshold` or more.

    Returns:
        One row per rank: detection, score, dog ("-": none), best IoU (with that dog, else with any), hit.
    """
    overlaps, taken, rows = example.overlaps(), set(), []
    for row in np.argsort(-example.scores, kind="stable").tolist():
        free = [dog for dog in range(len(example.truth)) if dog not in taken and overlaps[row, dog] >= threshold]
        dog = max(free, key=lambda dog: overlaps[row, dog], default=None)
        if dog is not None:
            taken.add(dog)
        iou = overlaps[row].max() if dog is None else overlaps[row, dog]
        values = example.names[row], example.scores[row], "-" if dog is None else str(dog + 1), iou, dog is not None
        rows.append(values)
    return pd.DataFrame(rows, columns=["detection", "score", "dog", "best IoU", "hit"], index=range(1, len(rows) + 1))


def precision_and_recall(ranked: pd.DataFrame, dogs: int) -> pd.DataFrame:
    """Steps 3 and 4: count from the top, then take the envelope.

    Adds: TP and FP so far, precision = TP / (TP + FP), recall = TP / dogs, envelope = the best precision at this rank
    or a later one.
    """
    table = ranked.copy()
    table["TP"] = ranked["hit"].cumsum()
    table["FP"] = (~ranked["hit"]).cumsum()
    table["precision"] = table["TP"] / (table["TP"] + table["FP"])
    table["recall"] = table["TP"] / dogs
    table["envelope"] = table["precision"][::-1].cummax()[::-1]
    return table


def every_change(table: pd.DataFrame) -> float:
    """Step 5, VOC and MEGA: the area under the envelope. Each hit adds a step of recall times the envelope there."""
    steps = table["recall"].diff().fillna(table["recall"])
    return float((steps * table["envelope"]).sum())


def at_101_recalls(table: pd.DataFrame) -> float:
    """Step 5, COCO: the mean of the envelope at the recalls 0, 0.01 ... 1; where a recall is never reached, 0."""
    return float(envelope_at(table, RECALL_POINTS).mean())


def envelope_at(table: pd.DataFrame, recalls: NDArray[np.float64]) -> NDArray[np.float64]:
    """The envelope at any recalls (R,); 0 beyond the largest recall of the table."""
    first = np.searchsorted(table["recall"].to_numpy(), recalls, side="left")
    return np.append(table["envelope"].to_numpy(), 0.0)[first]


def library_aps(example: FiveBoxes, threshold: float) -> dict[str, float]:
    """The same two numbers by the library's own evaluator: {"101 recalls": AP, "every change": AP}."""
    zeros = np.zeros(len(example.boxes), int)
    found = Detections.of(zeros, zeros, example.boxes, example.scores)
    dogs = np.zeros(len(example.truth), int)
    outcomes = coco_outcomes([found], GroundTruth.of(dogs, dogs, example.truth), 1, thresholds=(threshold,))
    column = outcomes.columns[0]
    return {
        "101 recalls": accumulate(outcomes, column).mean(),
        "every change": accumulate(replace(outcomes, points="all"), column).mean(),
    }
