"""Overlaps, and who gets which ground truth: the greedy rule of every protocol, and a plain one for one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.batches import Batch, ranks


def box_area(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Areas (N,) of boxes (N, 4), xyxy with continuous coordinates: width = x2 - x1."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_iou(
    detected: NDArray[np.floating], truth: NDArray[np.floating], crowd: NDArray[np.bool_] | None = None
) -> NDArray[np.floating]:
    """IoU of boxes (D, 4) and (G, 4), xyxy with continuous coordinates -> (D, G) in [0, 1].

    For a crowd ground truth the union is the detection alone (COCO). Boxes without area overlap nothing.
    """
    rows, columns = (grid.reshape(-1) for grid in np.indices((len(detected), len(truth))))
    crowds = None if crowd is None else crowd[columns]
    return paired_iou(detected[rows], truth[columns], crowd=crowds).reshape(len(detected), len(truth))


def paired_iou(
    detected: NDArray[np.floating],
    truth: NDArray[np.floating],
    extra: float = 0.0,
    crowd: NDArray[np.bool_] | None = None,
) -> NDArray[np.floating]:
    """IoU of each detection with the ground truth in the same row, (P, 4) xyxy each -> (P,).

    extra: 0 for continuous coordinates (width = x2 - x1), 1 where x2 is the last pixel inside (width = x2 - x1 + 1).
    crowd: (P,) where True the union is the detection alone. Computes in the precision of the boxes.
    """
    d, g, one = detected.T, truth.T, detected.dtype.type(extra)
    width = np.minimum(d[2], g[2]) - np.maximum(d[0], g[0]) + one
    height = np.minimum(d[3], g[3]) - np.maximum(d[1], g[1]) + one
    overlap = np.flatnonzero((width > 0) & (height > 0))  # few pairs overlap at all
    d, g = d[:, overlap], g[:, overlap]
    intersection = width[overlap] * height[overlap]
    detected_area = (d[2] - d[0] + one) * (d[3] - d[1] + one)
    union = detected_area + (g[2] - g[0] + one) * (g[3] - g[1] + one) - intersection
    if crowd is not None:
        union = np.where(crowd[overlap], detected_area, union)
    answer = np.zeros(len(width), detected.dtype)
    answer[overlap] = intersection / union
    return answer


@dataclass(frozen=True)
class Candidates:
    """P pairs of a detection and a ground truth of its frame and class that overlap enough for some column.

    They stand by detection, then overlap, then row of the ground truth; so the last pair of a detection is its best.
    detection, truth: (P,) rows of the batch and of the ground truth. iou: (P,).
    """

    detection: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: NDArray[np.floating]

    @classmethod
    def of(
        cls, detection: NDArray[np.int64], truth: NDArray[np.int64], iou: NDArray[np.floating], keep: NDArray[np.bool_]
    ) -> Candidates:
        """The pairs to keep, (P,) bool, in their order."""
        detection, truth, iou = detection[keep], truth[keep], iou[keep]
        order = np.lexsort((truth, iou, detection))
        return cls(detection[order], truth[order], iou[order])

    def ties(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(P,) first pair, and the one after the last, of those that tie with each: same detection, same overlap."""
        edge = np.ones(len(self.iou), bool)
        edge[1:] = (self.detection[1:] != self.detection[:-1]) | (self.iou[1:] != self.iou[:-1])
        edges = np.append(np.flatnonzero(edge), len(edge))
        group = np.cumsum(edge) - 1
        return edges[group], edges[group + 1]


def match(
    batch: Batch, pairs: Candidates, priority: NDArray[np.int64], reusable: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """The greedy rule: the best detection of a frame and class chooses first, among the ground truths still free.

    Args:
        pairs: who may get whom.
        priority: (K, P) for each column how much the detection wants the ground truth; differs between the pairs of a
            detection; negative where it may not have it.
        reusable: (G,) ground truths that stay free (crowds).

    Returns:
        (K, P) True for the pairs that became matches.
    """
    answer = np.zeros(priority.shape, bool)
    turn = _turns(batch, pairs.detection)
    by_turn = np.argsort(turn, kind="stable")
    names, slot = np.unique(pairs.truth, return_inverse=True)
    taken = np.zeros((len(priority), len(names)), bool)
    # All frames, classes and columns at once: first every best detection chooses, then every second one ...
    for rows in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        if not len(rows):
            continue
        wanted = np.where(taken[:, slot[rows]], -1, priority[:, rows])
        starts = np.flatnonzero(np.append(True, np.diff(pairs.detection[rows]) != 0))
        most = np.maximum.reduceat(wanted, starts, axis=1)
        most = np.repeat(most, np.diff(starts, append=len(rows)), axis=1)
        won = (wanted == most) & (wanted >= 0)
        answer[:, rows] = won
        columns, places = np.nonzero(won)
        if reusable is not None:
            keeps = ~reusable[pairs.truth[rows[places]]]
            columns, places = columns[keeps], places[keeps]
        taken[columns, slot[rows[places]]] = True
    return answer


def _turns(batch: Batch, detection: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P,) how many of the detections that have pairs choose before this one, in its frame and class."""
    found, inverse = np.unique(detection, return_inverse=True)
    return ranks(batch.detections.rows(found))[inverse]


def greedy_match(
    overlap: NDArray[np.floating], threshold: float, ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """COCO's assignment inside one image and class (eval_spec (a)); plain, for a frame to be drawn.

    Takes overlaps (D, G), best detection first; returns per detection (D,) its ground truth, or -1. Each
    detection takes the free ground truth with the largest overlap, the later one of equals; it takes an
    ignored one only when no counted one reaches the threshold. Crowd boxes stay free.
    """
    # Counted ground truths first: the scan may stop at the first ignored one once something is found.
    scan = np.argsort(ignored, kind="stable").tolist()
    ignores, crowds = ignored.tolist(), crowd.tolist()
    taken = [False] * len(scan)
    matches = np.full(len(overlap), -1, np.int64)
    least = min(threshold, 1 - 1e-10)
    for row in np.flatnonzero((overlap >= least).any(axis=1)).tolist():
        overlaps, best, found = overlap[row].tolist(), least, -1
        for column in scan:
            if taken[column] and not crowds[column]:
                continue
            if found >= 0 and ignores[column] and not ignores[found]:
                break
            if overlaps[column] >= best:
                best, found = overlaps[column], column
        if found >= 0:
            taken[found] = True
            matches[row] = found
    return matches
