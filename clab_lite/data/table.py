"""The arrays behind a `VideoIndex`: every box of a dataset, frame after frame, in a few flat columns.

The boxes of frame f are rows `box_offsets[f]` to `box_offsets[f + 1]`; the frames of video v are
`frame_starts[v]` to `frame_starts[v] + frame_counts[v]`. A full ImageNet VID (1.1 million frames) takes
about 70 MB.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

OCCLUDED, GENERATED, TRAINABLE, CROWD = 1, 2, 4, 8
"""Bits of `IndexTable.flags`."""

MIN_IMAGE_SIDE = 32
"""Frames smaller than this on either side are not trained on (official)."""


@dataclass
class VideoRecord:
    """One video as it was read; `assemble` joins many. N boxes over all its frames."""

    name: str
    is_still: bool
    frame_sizes: list[tuple[int, int]] = field(default_factory=list)
    """(width, height) of each frame, pixels."""
    annotated: list[bool] = field(default_factory=list)
    """Of each frame: False where nobody has drawn its objects."""
    boxes_per_frame: list[int] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    track_ids: list[int] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    """Pixels²; NaN where the file does not tell."""
    flags: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """What was met on the way and kept or skipped, by its plain English name."""

    def start_frame(self, width: int, height: int, annotated: bool = True) -> None:
        """The next frame; boxes added from now on are its own."""
        if self.frame_sizes and self.frame_sizes[0] != (width, height):
            self.counts["frames of another size than their video's first"] += 1
        self.counts["frames that are not annotated, left out of training and evaluation"] += not annotated
        self.frame_sizes.append((width, height))
        self.annotated.append(annotated)
        self.boxes_per_frame.append(0)

    def add_box(
        self,
        box: tuple[float, float, float, float],
        label: int,
        track_id: int,
        occluded: bool,
        generated: bool,
        crowd: bool = False,
        area: float = math.nan,
    ) -> None:
        """Append one object of the frame that was started last. Odd boxes are kept raw, and counted."""
        x1, y1, x2, y2 = box
        width, height = self.frame_sizes[-1]
        if x2 < x1 or y2 < y1:
            self.counts["inverted boxes"] += 1
        elif x2 == x1 or y2 == y1:
            self.counts["boxes without area"] += 1
        elif x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            self.counts["boxes leaving the frame"] += 1
        self.boxes_per_frame[-1] += 1
        self.boxes.append(box)
        self.labels.append(label)
        self.track_ids.append(track_id)
        self.areas.append(area)
        self.counts["groups (iscrowd), neither trained on nor to be found"] += crowd
        self.flags.append(OCCLUDED * occluded + GENERATED * generated + CROWD * crowd)


@dataclass(frozen=True)
class IndexTable:
    """V videos, F frames, N boxes, K key frames."""

    class_names: tuple[str, ...]
    names: tuple[str, ...]
    """(V,)"""
    is_still: NDArray[np.bool_]
    """(V,) single images of ImageNet DET."""
    sizes: NDArray[np.int32]
    """(V, 2) width, height of each video's first frame, pixels."""
    frame_sizes: NDArray[np.int32]
    """(F, 2) width, height of each frame, as its annotation says."""
    frame_starts: NDArray[np.int64]
    """(V,)"""
    frame_counts: NDArray[np.int64]
    """(V,)"""
    box_offsets: NDArray[np.int64]
    """(F + 1,)"""
    boxes: NDArray[np.float32]
    """(N, 4) as written in the files."""
    labels: NDArray[np.int16]
    track_ids: NDArray[np.int64]
    flags: NDArray[np.uint8]
    listed_key_frames: NDArray[np.int64]
    """(K, 2) video, frame: what the list names, before frames without a usable box are dropped."""
    file_names: tuple[str, ...] | None = None
    """(F,) image files below the image folder; None when they follow the ILSVRC pattern."""
    counts: dict[str, int] = field(default_factory=dict)
    unannotated: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(U,) rows of the frames whose objects nobody has drawn, ascending: no key frames, and not evaluated."""
    given_areas: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(N,) pixels² of the objects themselves, as the file says; NaN where it does not. (0,) when it never does."""

    @cached_property
    def annotated(self) -> NDArray[np.bool_]:
        """(F,) False for the rows in `unannotated`."""
        answer = np.ones(len(self.frame_sizes), np.bool_)
        answer[self.unannotated] = False
        return answer

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """(N,) pixels², for ranges of size; width x height where the file does not tell (a mask is smaller)."""
        sides = self.boxes[:, 2:].astype(np.float64) - self.boxes[:, :2].astype(np.float64)
        areas = sides[:, 0] * sides[:, 1]
        return np.where(np.isnan(self.given_areas), areas, self.given_areas) if len(self.given_areas) else areas

    def trainable_key_frames(self) -> NDArray[np.int64]:
        """(K', 2) listed key frames that hold a trainable box, are annotated and not too small."""
        videos, frames = self.listed_key_frames[:, 0], self.listed_key_frames[:, 1]
        running = np.concatenate(([0], np.cumsum((self.flags & TRAINABLE) > 0)))
        row = self.frame_starts[videos] + frames
        has_box = running[self.box_offsets[row + 1]] > running[self.box_offsets[row]]
        large = self.frame_sizes[row].min(axis=1) >= MIN_IMAGE_SIDE
        return self.listed_key_frames[has_box & large & self.annotated[row]]

    def select(self, videos: Sequence[int]) -> IndexTable:
        """The given videos in the given order; frame and box columns are shared, not copied."""
        chosen = np.asarray(videos, dtype=np.int64).reshape(-1)
        new_position = np.full(len(self.names), -1, dtype=np.int64)
        new_position[chosen] = np.arange(len(chosen))
        key_videos = new_position[self.listed_key_frames[:, 0]]
        key_frames = np.stack((key_videos, self.listed_key_frames[:, 1]), axis=1)[key_videos >= 0]
        return replace(
            self,
            names=tuple(self.names[v] for v in chosen),
            is_still=self.is_still[chosen],
            sizes=self.sizes[chosen],
            frame_starts=self.frame_starts[chosen],
            frame_counts=self.frame_counts[chosen],
            listed_key_frames=key_frames,
        )


def trainable(boxes: NDArray[np.float32], width: NDArray | int, height: NDArray | int) -> NDArray[np.bool_]:
    """(N,) True for the boxes (N, 4) to train on: at least one pixel wide and high, and partly in the frame.

    The official rule. It also drops boxes with both corners swapped, whose area looks positive.
    """
    x1, y1, x2, y2 = boxes.T
    inside = (x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)
    return (x2 - x1 >= 1) & (y2 - y1 >= 1) & inside


def assemble(
    records: Iterable[VideoRecord],
    class_names: Sequence[str],
    key_frames: Sequence[tuple[int, int]],
    file_names: Sequence[str] | None = None,
) -> IndexTable:
    """Join video records into one table. `key_frames` are (position among the records, frame)."""
    records = list(records)
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.counts)
        empty = zip(record.boxes_per_frame, record.annotated, strict=True)
        counts["frames without objects"] += sum(known and not boxes for boxes, known in empty)
    sizes = np.array([size for r in records for size in r.frame_sizes], dtype=np.int32).reshape(-1, 2)
    frame_counts = np.array([len(r.boxes_per_frame) for r in records], dtype=np.int64)
    boxes = np.concatenate(
        [np.zeros((0, 4), np.float32)] + [np.array(r.boxes, np.float32).reshape(-1, 4) for r in records]
    )
    frame_starts = np.cumsum(frame_counts) - frame_counts
    boxes_per_frame = _column(records, "boxes_per_frame", np.int64)
    box_sizes = sizes[np.repeat(np.arange(len(sizes)), boxes_per_frame)]
    flags, areas = _column(records, "flags", np.uint8), _column(records, "areas", np.float64)
    usable = trainable(boxes, *box_sizes.T) & ((flags & CROWD) == 0)
    flags |= np.where(usable, TRAINABLE, 0).astype(np.uint8)
    return IndexTable(
        class_names=tuple(class_names),
        names=tuple(r.name for r in records),
        is_still=np.array([r.is_still for r in records], dtype=np.bool_),
        sizes=sizes[frame_starts],
        frame_sizes=sizes,
        frame_starts=frame_starts,
        frame_counts=frame_counts,
        box_offsets=np.concatenate(([0], np.cumsum(boxes_per_frame))),
        boxes=boxes,
        labels=_column(records, "labels", np.int16),
        track_ids=_column(records, "track_ids", np.int64),
        flags=flags,
        listed_key_frames=np.array(key_frames, dtype=np.int64).reshape(-1, 2),
        file_names=None if file_names is None else tuple(file_names),
        counts={name: int(count) for name, count in counts.items() if count},
        unannotated=np.flatnonzero(~_column(records, "annotated", np.bool_)),
        given_areas=areas[:0] if np.isnan(areas).all() else areas,
    )


def _column(records: list[VideoRecord], name: str, dtype: type) -> NDArray:
    columns: list[NDArray] = [np.array(getattr(record, name), dtype=dtype) for record in records]
    return np.concatenate([np.zeros(0, dtype), *columns])
