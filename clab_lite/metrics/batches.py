"""Detections in portions of whole frames, each beside the ground truth of its frames.

Portions make the time independent of how the detections arrive (frame by frame, or all at once) and bound the
memory: what is computed per portion never grows with the dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth

ROWS = 1 << 16
"""Detections in a portion, about; and pairs of a detection and a ground truth in it, at most (but one frame)."""


@dataclass(frozen=True)
class Batch:
    """N detections of some frames, beside the G ground truths of the whole dataset.

    Frames ascend; inside a frame the rows stand in the order given. order: (G,) rows of `truth` sorted by frame.
    start, stop: (N,) the ground truths of the detection's frame are the rows order[start] ... order[stop-1].
    """

    detections: Detections
    truth: GroundTruth
    order: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.detections)

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Every detection with every ground truth of its frame: rows (P,) of both, by detection, then ground truth."""
        counts = self.stop - self.start
        detection = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(detection)) + np.repeat(self.start - (np.cumsum(counts) - counts), counts)
        return detection, self.order[place]

    @cached_property
    def class_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those of `pairs` that have the same class."""
        detection, truth = self.pairs
        same = self.detections.label[detection] == self.truth.label[truth]
        return detection[same], truth[same]

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """(N,) as `ranks` gives it."""
        return ranks(self.detections)

    @cached_property
    def largest_frame(self) -> int:
        """Most detections in one frame."""
        if not len(self):
            return 0
        edges = np.flatnonzero(_starts(self.detections.image))
        return int(np.diff(edges, append=len(self)).max())


def ranks(detections: Detections) -> NDArray[np.int64]:
    """(N,) place of each detection among those of its frame and class; 0 is the best, ties in the order given."""
    order = np.lexsort((-detections.score, detections.label, detections.image))  # a merge sort: stable
    first = _starts(detections.image[order], detections.label[order])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    return rank


def batches(chunks: Iterable[Detections], truth: GroundTruth, num_classes: int) -> Iterator[Batch]:
    """Cut and join chunks into batches.

    Args:
        chunks: detections in ascending order of frames; inside a chunk in any order.
        truth: of all frames, in any order.
        num_classes: labels are 0 ... num_classes-1.

    Raises:
        DataError: a label is out of range, a number is not finite; a chunk goes back to an earlier frame, or goes on
            with the last one.
    """
    order = np.argsort(truth.image, kind="stable")
    waiting: list[Detections] = []
    count = 0
    for chunk in _checked(chunks, num_classes):
        waiting.append(chunk)
        count += len(chunk)
        if count >= ROWS:
            yield from _cut(_joined(waiting), truth, order)
            waiting, count = [], 0
    if waiting:
        yield from _cut(_joined(waiting), truth, order)


def _checked(chunks: Iterable[Detections], num_classes: int) -> Iterator[Detections]:
    """The chunks that hold something, sorted by frame; DataError as in `batches`."""
    last = -1
    for raw in chunks:
        if not len(raw):
            continue
        chunk = Detections.of(raw.image, raw.label, raw.boxes, raw.score)
        require_labels("detections", chunk.label, num_classes)
        if (np.diff(chunk.image) < 0).any():
            chunk = chunk.rows(np.argsort(chunk.image, kind="stable"))
        first = int(chunk.image[0])
        if first <= last:
            raise DataError(
                f"detections: a chunk starts with frame {first} after one that ended with frame {last}. "
                "Give the frames in ascending order, and all detections of a frame in one chunk."
            )
        last = int(chunk.image[-1])
        yield chunk


def require_labels(name: str, label: NDArray[np.integer], num_classes: int) -> None:
    """Raises DataError when a label is not below `num_classes`."""
    if len(label) and label.max() >= num_classes:
        row = int(np.argmax(label))
        raise DataError(f"{name}, row {row}: label {label[row]} of {num_classes} classes. Give the classes trained.")


def _starts(*columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(N,) rows that differ from the one before."""
    first = np.ones(len(columns[0]), bool)
    first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return first


def _joined(chunks: list[Detections]) -> Detections:
    if len(chunks) == 1:
        return chunks[0]
    columns = ([getattr(chunk, name) for chunk in chunks] for name in ("image", "label", "boxes", "score"))
    return Detections(*(np.concatenate(column) for column in columns))


def _cut(found: Detections, truth: GroundTruth, order: NDArray[np.int64]) -> Iterator[Batch]:
    """At frame edges, where another ROWS of rows and pairs are full."""
    images = truth.image[order]
    start, stop = (np.searchsorted(images, found.image, side) for side in ("left", "right"))
    edges = np.flatnonzero(_starts(found.image))
    work = np.cumsum(np.maximum(stop - start, 1))
    portion = work[edges] // ROWS
    cuts = [*edges[_starts(portion)].tolist(), len(found)]
    for low, high in pairwise(cuts):
        yield Batch(found.rows(slice(low, high)), truth, order, start[low:high], stop[low:high])
