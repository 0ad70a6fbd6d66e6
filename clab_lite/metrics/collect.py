"""From chunks of detections to `Outcomes`: one pass over the boxes, however many protocols look at them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.batches import Batch, batches, require_labels
from clab_lite.metrics.outcomes import DROPPED, FALSE, Outcomes, Points


class Weights:
    """How much each code of an outcome adds to the false positives; a code is made for every new weight."""

    def __init__(self) -> None:
        self.values = [0.0, 0.0, 1.0]  # DROPPED, TRUE, FALSE
        self._code = {0.0: DROPPED, 1.0: FALSE}

    def encode(self, weights: NDArray[np.float64]) -> NDArray[np.integer]:
        """Codes (N,) of false positives that weigh so much (N,), each in [0, 1]. One without weight is dropped."""
        distinct, position = np.unique(weights, return_inverse=True)
        for weight in distinct.tolist():
            if weight not in self._code:
                self._code[weight] = len(self.values)
                self.values.append(weight)
        codes = np.array([self._code[weight] for weight in distinct.tolist()], np.min_scalar_type(len(self.values) - 1))
        return codes[position]


class Rules(Protocol):
    """What one evaluator decides, for K columns over some ground truth."""

    truth: GroundTruth
    columns: tuple[str, ...]
    points: Points

    def codes(self, batch: Batch, weights: Weights, /) -> NDArray[np.integer]:
        """(N, K) what becomes of each detection of the batch."""

    def counted(self) -> NDArray[np.bool_]:
        """(K, G) ground truths that count as to be found."""


def collect(chunks: Iterable[Detections], num_classes: int, *rules: Rules) -> tuple[Outcomes, ...]:
    """Apply the rules of several evaluators in one pass.

    Args:
        chunks: detections in ascending order of frames, a frame never split (see `Detections`).
        num_classes: labels are 0 ... num_classes-1.
        rules: one or more, all made for one `GroundTruth`.

    Returns:
        What became of the detections, for each of `rules`. They share the columns that do not depend on the rules.

    Raises:
        DataError: a label is out of range; a chunk goes back to an earlier frame; the rules differ in ground truth.
    """
    truth = rules[0].truth
    if any(rule.truth is not truth for rule in rules):
        raise DataError("the rules were made for different ground truths. Make all of them for one.")
    require_labels("ground truth", truth.label, num_classes)
    small = np.min_scalar_type(max(num_classes - 1, 0))
    image, label, score = Growing(np.int32), Growing(small), Growing(np.float32)
    codes, weights = [Growing(np.uint8, len(rule.columns)) for rule in rules], [Weights() for _ in rules]
    for batch in batches(chunks, truth, num_classes):
        for column, values in ((image, batch.detections.image), (label, batch.detections.label)):
            column.append(values)
        score.append(batch.detections.score)
        for rule, code, weight in zip(rules, codes, weights, strict=True):
            code.append(rule.codes(batch, weight))
    shared = (score.whole(), label.whole(), image.whole())
    truths = (truth.label.astype(small), truth.image.astype(np.int32))
    return tuple(
        Outcomes(
            rule.columns,
            *shared,
            code.whole().T,
            np.array(weight.values),
            *truths,
            rule.counted(),
            num_classes,
            rule.points,
        )
        for rule, code, weight in zip(rules, codes, weights, strict=True)
    )


class Growing:
    """An array to which rows are appended. It grows in place where the system can, so that nothing is held twice."""

    def __init__(self, dtype: DTypeLike, width: int | None = None) -> None:
        self._rows = np.empty((0,) if width is None else (0, width), dtype)
        self._count = 0

    def append(self, values: NDArray[Any]) -> None:
        """More rows."""
        wider = values.dtype.itemsize > self._rows.dtype.itemsize
        if wider and values.dtype.kind == self._rows.dtype.kind != "i":  # float64 scores, more than 256 codes
            self._rows = self._rows.astype(values.dtype)
        stop = self._count + len(values)
        if stop > len(self._rows):
            self._resize(stop + stop // 8)
        self._rows[self._count : stop] = values
        self._count = stop

    def whole(self) -> NDArray[Any]:
        """All rows, without a copy."""
        self._resize(self._count)
        return self._rows

    def _resize(self, rows: int) -> None:
        self._rows.resize((rows, *self._rows.shape[1:]), refcheck=False)
