"""Ground truth and detections of a whole dataset as flat arrays: one row per box, no Python objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError


@dataclass(frozen=True)
class GroundTruth:
    """N annotated boxes.

    image: (N,) int64, any ids; equal ids are one image, ascending ids are the order of evaluation.
    label: (N,) int64, 0 ... num_classes-1.
    boxes: (N, 4) float64 (x1, y1, x2, y2) pixels, continuous (width = x2 - x1), not clamped.
    area: (N,) float64 pixels², for the size ranges; width x height unless the annotation says otherwise.
    crowd: (N,) bool; a crowd box may be matched many times and never counts (COCO `iscrowd`).
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        image: ArrayLike,
        label: ArrayLike,
        boxes: ArrayLike,
        area: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> GroundTruth:
        """Build from anything array-like. Raises DataError when the lengths differ or a number is not
        finite.
        """
        image, label, boxes = _columns("ground truth", image, label, boxes)
        sides = boxes[:, 2:] - boxes[:, :2]
        areas = sides[:, 0] * sides[:, 1] if area is None else np.asarray(area, np.float64).reshape(-1)
        crowds = np.zeros(len(image), bool) if crowd is None else np.asarray(crowd, bool).reshape(-1)
        _same_length("ground truth", len(image), area=areas, crowd=crowds)
        return cls(image, label, boxes, areas, crowds)

    def __len__(self) -> int:
        return len(self.image)

    def of_images(self, images: ArrayLike) -> GroundTruth:
        """The rows whose image is among `images`."""
        keep = np.isin(self.image, np.asarray(images, np.int64))
        return GroundTruth(self.image[keep], self.label[keep], self.boxes[keep], self.area[keep], self.crowd[keep])


@dataclass(frozen=True)
class Detections:
    """N detected boxes. Rows with equal scores are ranked in the order given (stable), as pycocotools does.

    image, label, boxes: as in GroundTruth. score: (N,) float64, higher is more certain.
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes: NDArray[np.float64]
    score: NDArray[np.float64]

    @classmethod
    def of(cls, image: ArrayLike, label: ArrayLike, boxes: ArrayLike, score: ArrayLike) -> Detections:
        """Build from anything array-like. Raises DataError when the lengths differ or a number is not
        finite.
        """
        image, label, boxes = _columns("detections", image, label, boxes)
        scores = np.asarray(score, np.float64).reshape(-1)
        _same_length("detections", len(image), score=scores)
        if not np.isfinite(scores).all():
            row = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise DataError(f"detections, row {row}: score {scores[row]} is not a number. Check the detector's output.")
        return cls(image, label, boxes, scores)

    def __len__(self) -> int:
        return len(self.image)

    def of_images(self, images: ArrayLike) -> Detections:
        """The rows whose image is among `images`."""
        keep = np.isin(self.image, np.asarray(images, np.int64))
        return Detections(self.image[keep], self.label[keep], self.boxes[keep], self.score[keep])


def _columns(
    name: str, image: ArrayLike, label: ArrayLike, boxes: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    images = np.asarray(image, np.int64).reshape(-1)
    labels = np.asarray(label, np.int64).reshape(-1)
    rows = np.asarray(boxes, np.float64).reshape(-1, 4)
    _same_length(name, len(images), label=labels, boxes=rows)
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise DataError(f"{name}, row {row}: box {rows[row].tolist()} is not finite. Remove or repair this row.")
    if labels.size and labels.min() < 0:
        row = int(np.flatnonzero(labels < 0)[0])
        raise DataError(f"{name}, row {row}: label {labels[row]} is negative. Labels are 0 ... num_classes-1.")
    return images, labels, rows


def _same_length(name: str, length: int, **columns: NDArray[np.generic]) -> None:
    for column, values in columns.items():
        if len(values) != length:
            raise DataError(f"{name}: {len(values)} rows of `{column}` for {length} images. Give one row per box.")
