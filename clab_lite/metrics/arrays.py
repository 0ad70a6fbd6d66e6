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
    motion: (N,) float64 motion IoU, NaN where unknown; None when the dataset has no tracks.
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    motion: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls,
        image: ArrayLike,
        label: ArrayLike,
        boxes: ArrayLike,
        area: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
        motion: ArrayLike | None = None,
    ) -> GroundTruth:
        """Build from anything array-like. Raises DataError when the lengths differ or a number is not
        finite.
        """
        image, label, rows = _columns("ground truth", image, label, boxes)
        boxes = rows.astype(np.float64)
        sides = boxes[:, 2:] - boxes[:, :2]
        areas = sides[:, 0] * sides[:, 1] if area is None else np.asarray(area, np.float64).reshape(-1)
        crowds = np.zeros(len(image), bool) if crowd is None else np.asarray(crowd, bool).reshape(-1)
        _same_length("ground truth", len(image), area=areas, crowd=crowds)
        motions = None if motion is None else np.asarray(motion, np.float64).reshape(-1)
        if motions is not None:
            _same_length("ground truth", len(image), motion=motions)
        return cls(image, label, boxes, areas, crowds, motions)

    def __len__(self) -> int:
        return len(self.image)

    def of_images(self, images: ArrayLike) -> GroundTruth:
        """The rows whose image is among `images`."""
        return self.rows(np.isin(self.image, np.asarray(images, np.int64)))

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> GroundTruth:
        """The chosen rows: a mask (N,), or positions in the order wanted."""
        return GroundTruth(
            self.image[chosen],
            self.label[chosen],
            self.boxes[chosen],
            self.area[chosen],
            self.crowd[chosen],
            None if self.motion is None else self.motion[chosen],
        )


@dataclass(frozen=True)
class Detections:
    """N detected boxes. Rows with equal scores are ranked in the order given (stable), as pycocotools does.

    image, label, boxes: as in GroundTruth. score: (N,), higher is more certain. Boxes and scores stay float32
    when they come so, and are float64 otherwise.

    The evaluators take detections in chunks, so that a whole dataset is never held: frames ascend over all chunks,
    and no frame is split between two.
    """

    image: NDArray[np.integer]
    label: NDArray[np.integer]
    boxes: NDArray[np.floating]
    score: NDArray[np.floating]

    @classmethod
    def of(cls, image: ArrayLike, label: ArrayLike, boxes: ArrayLike, score: ArrayLike) -> Detections:
        """Build from anything array-like. Raises DataError when the lengths differ or a number is not
        finite.
        """
        image, label, boxes = _columns("detections", image, label, boxes)
        scores = _floats(score).reshape(-1)
        _same_length("detections", len(image), score=scores)
        if not np.isfinite(scores).all():
            row = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise DataError(f"detections, row {row}: score {scores[row]} is not a number. Check the detector's output.")
        return cls(image, label, boxes, scores)

    def __len__(self) -> int:
        return len(self.image)

    def of_images(self, images: ArrayLike) -> Detections:
        """The rows whose image is among `images`."""
        return self.rows(np.isin(self.image, np.asarray(images, np.int64)))

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Detections:
        """The chosen rows: a mask (N,), positions in the order wanted, or a slice."""
        return Detections(self.image[chosen], self.label[chosen], self.boxes[chosen], self.score[chosen])


@dataclass(frozen=True)
class Frames:
    """The F frames that are evaluated, in order: row 0, 1 ... is the `image` of ground truth and detections.

    width, height: (F,) pixels of the stored frame. video: (F,) int32, which video each belongs to.
    """

    width: NDArray[np.int32]
    height: NDArray[np.int32]
    video: NDArray[np.int32]

    @classmethod
    def of(cls, width: ArrayLike, height: ArrayLike, video: ArrayLike) -> Frames:
        """Build from anything array-like. Raises DataError when the lengths differ."""
        columns = [np.asarray(values, np.int32).reshape(-1) for values in (width, height, video)]
        if len({len(column) for column in columns}) != 1:
            lengths = ", ".join(str(len(column)) for column in columns)
            raise DataError(f"frames: {lengths} rows of width, height, video. Give one row per frame.")
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.video)


def _columns(
    name: str, image: ArrayLike, label: ArrayLike, boxes: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]:
    images = np.asarray(image, np.int64).reshape(-1)
    labels = np.asarray(label, np.int64).reshape(-1)
    rows = _floats(boxes).reshape(-1, 4)
    _same_length(name, len(images), label=labels, boxes=rows)
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise DataError(f"{name}, row {row}: box {rows[row].tolist()} is not finite. Remove or repair this row.")
    if labels.size and labels.min() < 0:
        row = int(np.flatnonzero(labels < 0)[0])
        raise DataError(f"{name}, row {row}: label {labels[row]} is negative. Labels are 0 ... num_classes-1.")
    return images, labels, rows


def _floats(values: ArrayLike) -> NDArray[np.floating]:
    """float32 stays float32: half the memory, and the very numbers the detector gave."""
    array = np.asarray(values)
    return array if array.dtype == np.float32 else array.astype(np.float64)


def _same_length(name: str, length: int, **columns: NDArray[np.generic]) -> None:
    for column, values in columns.items():
        if len(values) != length:
            raise DataError(f"{name}: {len(values)} rows of `{column}` for {length} images. Give one row per box.")
