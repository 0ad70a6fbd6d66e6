"""`VideoIndex`: what is in a dataset, without decoding a frame.

Boxes are (x1, y1, x2, y2) pixels of the stored frame, raw: nothing is clamped or dropped here, because evaluation
counts every object (dataset specification, section 9). Labels are positions in `index.class_names`. Frames count
from 0. `open_dataset` in vid.py makes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.data.images import read_image
from clab_lite.data.table import CROWD, GENERATED, OCCLUDED, IndexTable
from clab_lite.errors import DataError


@dataclass(frozen=True)
class FrameAnnotation:
    """The objects of one frame, G of them, as the files say."""

    boxes: NDArray[np.float32]
    """(G, 4) (x1, y1, x2, y2) pixels of the stored frame, not clamped."""
    labels: NDArray[np.int64]
    """(G,) positions in the class names."""
    track_ids: NDArray[np.int64]
    """(G,) unique inside the video; -1 when the file does not tell."""
    occluded: NDArray[np.bool_]
    generated: NDArray[np.bool_]
    """(G,) True: interpolated between two boxes drawn by hand."""


@dataclass(frozen=True, slots=True)
class Video:
    """One video, or one still image (a video of one frame)."""

    name: str
    """Below the image folder, for example "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00001900"."""
    frame_count: int
    width: int
    height: int
    """Pixels, of the first frame."""
    is_still: bool = False

    @property
    def source(self) -> str:
        """The source video this was cut from; snippets that share it look alike and must stay together.

        ILSVRC2015_train_00001900 is snippet 900 of source video 00001. Any other name is its own source.
        """
        last = self.name.rpartition("/")[2]
        match = re.fullmatch(r"(ILSVRC2015_(?:train|val|test)_\d{5})\d{3}", last)
        return match.group(1) if match else self.name


@dataclass(frozen=True)
class VideoIndex:
    """All videos of a dataset split and their boxes; frames are decoded when asked for. Safe to pickle."""

    table: IndexTable
    video_root: Path
    """Folder that video names start from."""
    still_root: Path
    """Folder that still images start from."""
    known_troubles: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """Per video name, what `troubles.json` says of each frame."""

    @cached_property
    def videos(self) -> tuple[Video, ...]:
        """In list order; still images last."""
        table = self.table
        columns: tuple[list, ...] = (table.frame_counts.tolist(), table.sizes.tolist(), table.is_still.tolist())
        return tuple(
            Video(name, count, width, height, still)
            for name, count, (width, height), still in zip(table.names, *columns, strict=True)
        )

    @cached_property
    def key_frames(self) -> NDArray[np.int64]:
        """(K, 2) (video position, frame) to train on: the listed ones that hold a usable box."""
        return self.table.trainable_key_frames()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.table.class_names

    @property
    def counts(self) -> dict[str, int]:
        """What was odd in the whole dataset and how often: skipped classes, boxes without area, and so on."""
        return self.table.counts

    @property
    def frame_count(self) -> int:
        """Frames of all videos together."""
        return int(self.table.frame_counts.sum())

    def __len__(self) -> int:
        return len(self.table.names)

    def image_path(self, video: int, frame: int) -> Path:
        """The frame's image file."""
        row = self._row(video, frame)
        name, still = self.table.names[video], self.table.is_still[video]
        if self.table.file_names is not None:
            file_name = self.table.file_names[row]
        else:
            file_name = f"{name}.JPEG" if still else f"{name}/{frame:06d}.JPEG"
        return (self.still_root if still else self.video_root) / file_name

    def load_image(self, video: int, frame: int) -> Tensor:
        """The frame as uint8 (3, H, W) RGB.

        Raises:
            DataError: the file is missing, truncated, unreadable, or not of the size that its annotation says (its
                boxes would be of another picture).
        """
        path = self.image_path(video, frame)
        image = read_image(path)
        width, height = self.frame_size(video, frame)
        if image.shape[1:] != (height, width):
            problem = f"{image.shape[2]} x {image.shape[1]} pixels, its annotation says {width} x {height}"
            raise DataError.at(path, "", problem, "Restore the file, or correct the size in the annotation.")
        return image

    def frame_size(self, video: int, frame: int) -> tuple[int, int]:
        """(width, height) of a frame in pixels, as its annotation says."""
        width, height = self.table.frame_sizes[self._row(video, frame)].tolist()
        return width, height

    def annotated(self, video: int) -> NDArray[np.bool_]:
        """(frames,) False for the frames of a video whose objects nobody has drawn; they are not evaluated."""
        start = self._row(video, 0)
        return self.table.annotated[start : start + int(self.table.frame_counts[video])]

    def annotation(self, video: int, frame: int) -> FrameAnnotation:
        """The objects of a frame, in file order; groups that nobody has told apart are none."""
        table, row = self.table, self._row(video, frame)
        rows = np.arange(table.box_offsets[row], table.box_offsets[row + 1])
        rows = rows[(table.flags[rows] & CROWD) == 0]
        flags = table.flags[rows]
        return FrameAnnotation(
            boxes=table.boxes[rows],
            labels=table.labels[rows].astype(np.int64),
            track_ids=table.track_ids[rows],
            occluded=(flags & OCCLUDED) > 0,
            generated=(flags & GENERATED) > 0,
        )

    def troubles(self, video: int, frame: int) -> tuple[str, ...]:
        """What is known to be hard about a frame (`troubles.json`); () when nothing is."""
        self._row(video, frame)
        per_frame = self.known_troubles.get(self.table.names[video])
        return () if per_frame is None else per_frame[frame]

    def select(self, videos: Sequence[int]) -> VideoIndex:
        """An index of the given videos (positions) in the given order; everything else stays."""
        outside = [v for v in videos if not 0 <= v < len(self)]
        if outside:
            raise DataError(f"video {outside[0]} is outside the dataset. Use 0 to {len(self) - 1}.")
        return replace(self, table=self.table.select(videos))

    def _row(self, video: int, frame: int) -> int:
        if not 0 <= video < len(self):
            raise DataError(f"video {video} is outside the dataset. Use 0 to {len(self) - 1}.")
        count = self.table.frame_counts[video]
        if not 0 <= frame < count:
            raise DataError(f"frame {frame} is outside video {self.table.names[video]}. Use 0 to {count - 1}.")
        return int(self.table.frame_starts[video]) + frame
