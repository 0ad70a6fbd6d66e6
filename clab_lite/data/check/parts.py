"""The parts that a dataset is checked in: a video of an ILSVRC folder, some still images, some images of a json file.

Each can tell a stamp (what its files look like from outside) and check itself, in any thread or process.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clab_lite.data import ilsvrc
from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.check.image_files import Image, check_images, stamp
from clab_lite.data.lists import Listing
from clab_lite.data.table import VideoRecord
from clab_lite.errors import DataError

VERSION = 1
"""Raise when a part is checked for more than before."""


@dataclass
class PartResult:
    """What was found in one part."""

    frames: int = 0
    objects: int = 0
    problems: list[str] = field(default_factory=list)
    """One line per bad record."""
    counts: dict[str, int] = field(default_factory=dict)
    """What was odd, and how often."""
    marks: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """One per image, in order: equal files have equal marks; 0 where the file could not be read."""


class Part(Protocol):
    """What `examine` needs of a part."""

    @property
    def key(self) -> str:
        """Its name in the journal."""

    @property
    def frames(self) -> int:
        """About how much work it is."""

    def stamp(self) -> str:
        """Changes when one of its files does."""

    def check(self) -> PartResult:
        """Read everything in it."""

    def image(self, position: int) -> Path:
        """The file of a mark."""


@dataclass(frozen=True)
class VideoPart:
    """One video of an ILSVRC folder: the names of its files, every annotation file, every image."""

    root: Path
    key: str
    """The video's name, below Annotations/VID and Data/VID."""
    listed_frames: int | None
    """None when no list tells."""
    frames: int
    sources: tuple[Path, ...]
    """The lists that name it."""
    labels: Mapping[str, int]
    with_images: bool
    """False for a copy of the annotations alone."""

    @property
    def _folders(self) -> tuple[Path, Path]:
        return self.root / "Annotations/VID" / self.key, self.root / "Data/VID" / self.key

    def stamp(self) -> str:
        words = [VERSION, self.listed_frames, sorted(self.labels.items()), self.with_images]
        return stamp(words, self._folders)

    def image(self, position: int) -> Path:
        return self._folders[1] / f"{position:06d}.JPEG"

    def check(self) -> PartResult:
        listing = Listing((), (), (), self.sources)
        problems: list[str] = []
        try:
            record = ilsvrc.read_video(self.root, self.key, self.listed_frames, listing, self.labels)
            frames_read: Sequence[int] = range(len(record.frame_sizes))
        except DataError as error:
            record, frames_read, problems = self._read_on()
            problems = problems or [str(error)]
        result = result_of([record])
        result.problems = problems
        sizes = dict(zip(frames_read, record.frame_sizes, strict=True))
        if self.with_images and not os.path.isdir(self._folders[1]):
            result.problems.append(str(DataError.at(self._folders[1], "", "the frames are missing", "Unpack them.")))
        elif self.with_images:
            frames = _numbers(self._folders[1], ".JPEG")
            problems, marks = check_images([(self.image(frame), sizes.get(frame)) for frame in frames])
            result.problems += problems
            result.marks = np.zeros(max(frames, default=-1) + 1, np.uint64)
            result.marks[frames] = marks
        return result

    def _read_on(self) -> tuple[VideoRecord, Sequence[int], list[str]]:
        """What is in order in a bad video, which of its frames that is, and what is wrong with the others."""
        annotations, images = self._folders
        record, read, problems = VideoRecord(self.key, False), list[int](), list[str]()
        if not os.path.isdir(annotations):
            return record, read, problems
        count = self.listed_frames
        try:
            count = ilsvrc.check_frames(annotations, ".xml", count)
        except DataError as error:
            problems.append(str(error))
        try:
            if os.path.isdir(images):
                ilsvrc.check_frames(images, ".JPEG", count)
        except DataError as error:
            problems.append(str(error))
        for frame in _numbers(annotations, ".xml"):
            try:
                found = read_annotation(annotations / f"{frame:06d}.xml", tracks=True)
            except DataError as error:
                problems.append(str(error))
                continue
            ilsvrc.add_frame(record, found, self.labels)
            read.append(frame)
        return record, read, problems


@dataclass(frozen=True)
class StillsPart:
    """Some still images of an ILSVRC folder."""

    root: Path
    names: tuple[str, ...]
    """Below Annotations/DET and Data/DET."""
    labels: Mapping[str, int]

    @property
    def key(self) -> str:
        return f"stills from {self.names[0]}"

    @property
    def frames(self) -> int:
        return len(self.names)

    def stamp(self) -> str:
        annotations = [self.root / "Annotations/DET" / f"{name}.xml" for name in self.names]
        words = [VERSION, self.names, sorted(self.labels.items())]
        return stamp(words, annotations + [self.image(position) for position in range(len(self.names))])

    def image(self, position: int) -> Path:
        return self.root / "Data/DET" / f"{self.names[position]}.JPEG"

    def check(self) -> PartResult:
        records, problems, positions, images = [], [], [], []
        for position, name in enumerate(self.names):
            try:
                found = ilsvrc.read_stills(self.root, [name], self.labels)
            except DataError as error:
                problems.append(str(error))
                continue
            if found:  # ImageNet DET writes no annotation file for an image without objects
                records += found
                positions.append(position)
                images.append((self.image(position), found[0].frame_sizes[0]))
        result = result_of(records)
        result.counts["still images without annotation file"] = len(self.names) - len(records) - len(problems)
        image_problems, marks = check_images(images)
        result.problems = problems + image_problems
        result.marks = np.zeros(len(self.names), np.uint64)
        result.marks[positions] = marks
        return result


@dataclass(frozen=True)
class ImagesPart:
    """Some images that a json file lists. Their objects are checked with the file itself."""

    key: str
    images: tuple[Image, ...]

    @property
    def frames(self) -> int:
        return len(self.images)

    def stamp(self) -> str:
        return stamp([VERSION, [(str(file), size) for file, size in self.images]], [file for file, _ in self.images])

    def image(self, position: int) -> Path:
        return self.images[position][0]

    def check(self) -> PartResult:
        problems, marks = check_images(self.images)
        return PartResult(frames=len(self.images), problems=problems, marks=marks)


def result_of(records: Sequence[VideoRecord]) -> PartResult:
    """What can be told of records that were read without an error."""
    result, counts = PartResult(), Counter[str]()
    for record in records:
        boxes_per_frame = np.array(record.boxes_per_frame, np.int64)
        counts.update(record.counts)
        counts["frames without objects"] += int((boxes_per_frame == 0).sum())
        counts.update(repeated_objects(boxes_per_frame, record.boxes, record.labels, record.track_ids))
        result.frames += len(boxes_per_frame)
        result.objects += len(record.boxes)
    result.counts = {name: int(count) for name, count in counts.items() if count}
    return result


def repeated_objects(
    boxes_per_frame: ArrayLike, boxes: ArrayLike, labels: ArrayLike, track_ids: ArrayLike
) -> dict[str, int]:
    """How many of N objects are another one of their frame again: the same box and class, or the same track.

    Args:
        boxes_per_frame: (F,).
        boxes: (N, 4), frame after frame.
        labels: (N,).
        track_ids: (N,); below 0 where the file does not tell.
    """
    per_frame = np.asarray(boxes_per_frame, np.int64)
    frames = np.repeat(np.arange(len(per_frame)), per_frame)
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    tracks = np.asarray(track_ids, np.int64)
    known = tracks >= 0
    rows = np.column_stack((frames, np.asarray(labels, np.float64), corners))
    pairs = np.column_stack((frames, tracks))[known]
    return {
        "objects written twice in their frame": _repeats(rows),
        "objects with the track id of another object of their frame": _repeats(pairs),
    }


def _repeats(rows: NDArray) -> int:
    """Rows that are equal to an earlier one."""
    if len(rows) < 2:
        return 0
    ordered = rows[np.lexsort(rows.T)]
    return int((ordered[1:] == ordered[:-1]).all(axis=1).sum())


def _numbers(folder: Path, suffix: str) -> list[int]:
    """The frames in a folder, by their names of six digits, ascending."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
    return sorted(int(stem) for stem in stems if len(stem) == 6 and stem.isdecimal() and stem.isascii())
