"""The objects of a dataset as crops: which boxes, of which class and track, and their pixels when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from clab_lite.data.video_index import VideoIndex
from clab_lite.detector.boxes import box_iou
from clab_lite.errors import DataError

LEAST_SIDE = 2
"""Pixels; what is thinner inside its frame is no crop (ours)."""
MATCHING_IOU = 0.5
"""A detected box has the class of the annotated one that it overlaps most, from this IoU on."""

Detected = Callable[[int, int], NDArray[np.float32]]
"""(position of a video, frame) -> boxes (D, 4) that a detector found there, pixels of the stored frame."""


@dataclass(frozen=True)
class Crops:
    """N crops of a dataset. Pixels are read from the frames when first asked for, and kept up to a limit."""

    index: VideoIndex
    places: NDArray[np.int64]
    """(N, 2) position of the video, frame; crops of one frame follow each other."""
    boxes: NDArray[np.float32]
    """(N, 4) pixels of the stored frame, inside of it."""
    labels: NDArray[np.int64]
    """(N,) positions in `class_names`."""
    tracks: NDArray[np.int64]
    """(N,) track id in the video; -1: none."""
    class_names: tuple[str, ...]
    side: int
    """Pixels of a crop, which is made square."""
    keep_bytes: int = 2_000_000_000
    """Crops are kept in memory up to this size, then read again each time."""
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, rows: Sequence[int] | NDArray[np.integer]) -> Tensor:
        """Crops (n, 3, side, side) uint8 RGB, the boxes scaled to a square without keeping their ratio."""
        rows = [int(row) for row in rows]
        found = {row: self._kept[row] for row in rows if row in self._kept}
        missing: dict[tuple[int, int], list[int]] = {}
        for row in dict.fromkeys(rows):
            if row not in found:
                missing.setdefault((int(self.places[row, 0]), int(self.places[row, 1])), []).append(row)
        for place, wanted in missing.items():
            image = self.index.load_image(*place)
            for row in wanted:
                found[row] = cut(image, self.boxes[row], self.side)
                if (len(self._kept) + 1) * found[row].numel() <= self.keep_bytes:
                    self._kept[row] = found[row]
        return torch.stack([found[row] for row in rows]) if rows else torch.zeros(0, 3, self.side, self.side).byte()

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Crops:
        """Some of the crops, in the given order."""
        return replace(
            self,
            places=self.places[rows],
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            tracks=self.tracks[rows],
            _kept={},
        )


def cut(image: Tensor, box: NDArray[np.float32], side: int) -> Tensor:
    """A box (x1, y1, x2, y2) of uint8 (3, H, W) as (3, side, side), bilinear with antialiasing. Whole pixels."""
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    height, width = image.shape[1:]
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    part = image[:, y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    return v2.functional.resize(part, [side, side], antialias=True)


def find_crops(
    index: VideoIndex,
    class_names: Sequence[str],
    side: int,
    *,
    every: int = 1,
    detected: Detected | None = None,
) -> Crops:
    """The objects of some classes in the key frames of a dataset, or in its annotated frames where it has none.

    Args:
        index: the dataset.
        class_names: of these classes, in the order of their new labels; objects of others are left out.
        side: pixels of a crop.
        every: one frame in so many of each video.
        detected: where to get a detector's boxes; None takes the annotated boxes. A detected box has class and track
            of the annotated one that it overlaps most, and is left out below IoU 0.5.

    Raises:
        DataError: there is no object of these classes.
    """
    label_of = np.full(len(index.class_names), -1)
    for label, name in enumerate(class_names):
        label_of[index.class_names.index(name)] = label
    places, boxes, labels, tracks = [], [], [], []
    for video, frame in frames_of(index, every):
        annotation = index.annotation(video, frame)
        found, owner = annotation.boxes, np.arange(len(annotation.boxes))
        if detected is not None:
            found, owner = match_boxes(detected(video, frame), annotation.boxes)
        clipped = inside(found, *index.frame_size(video, frame))
        wanted = (clipped[:, 2:] - clipped[:, :2]).min(axis=1, initial=np.inf) >= LEAST_SIDE
        wanted &= label_of[annotation.labels[owner]] >= 0
        places += [(video, frame)] * int(wanted.sum())
        boxes.append(clipped[wanted])
        labels.append(label_of[annotation.labels[owner[wanted]]])
        tracks.append(annotation.track_ids[owner[wanted]])
    if not places:
        remedy = "Choose other classes, or a detector that finds them." if detected else "Choose other classes."
        raise DataError.at(index.video_root, "", f"there is no object of {', '.join(class_names)}", remedy)
    columns = (np.concatenate(boxes), np.concatenate(labels), np.concatenate(tracks))
    return Crops(index, np.array(places, np.int64), *columns, tuple(class_names), side)


def frames_of(index: VideoIndex, every: int = 1) -> Iterator[tuple[int, int]]:
    """(video, frame) of the key frames, or of all annotated frames of an index without; one in `every` of a video."""
    if len(index.key_frames):
        listed = sorted({(int(video), int(frame)) for video, frame in index.key_frames})
    else:
        listed = [(v, int(f)) for v in range(len(index)) for f in np.flatnonzero(index.annotated(v))]
    seen: dict[int, int] = {}
    for video, frame in listed:
        position = seen[video] = seen.get(video, -1) + 1
        if position % every == 0:
            yield video, frame


def match_boxes(
    found: NDArray[np.float32], annotated: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The found boxes (D, 4) that overlap an annotated one (G, 4) by IoU 0.5 or more, and which: (D', 4), (D',)."""
    if not len(found) or not len(annotated):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    overlap = box_iou(torch.from_numpy(found), torch.from_numpy(annotated))
    best, owner = overlap.max(dim=1)
    kept = (best >= MATCHING_IOU).numpy()
    return found[kept], owner.numpy()[kept]


def inside(boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Boxes (n, 4) with their corners moved into the frame."""
    return boxes.clip([0, 0, 0, 0], [width, height, width, height]).astype(np.float32)


def classes_in(index: VideoIndex) -> tuple[str, ...]:
    """The names of the classes that have an object in the dataset, in label order."""
    present = np.unique(index.table.labels)
    return tuple(index.class_names[label] for label in present if label >= 0)
