"""What a `Subset` leaves of a dataset: frames to evaluate, objects to find, objects to ignore. All flat arrays.

Letters: V videos with a chosen frame, F chosen frames (the rows of the frame table), G objects in them, C classes.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.table import OCCLUDED
from clab_lite.data.video_index import Video, VideoIndex
from clab_lite.errors import DataError
from clab_lite.metrics.coco import AREA_RANGES
from clab_lite.metrics.motion import motion_iou, motion_range

if TYPE_CHECKING:
    from clab_lite.data.subset import Subset


@dataclass(frozen=True)
class Selection:
    """Frames of some videos of an index, and the objects in them."""

    videos: NDArray[np.int64]
    """(V,) positions in the index, ascending."""
    frames: tuple[NDArray[np.int64], ...]
    """Per video, the numbers of its chosen frames, ascending."""
    rows: NDArray[np.int64]
    """(F,) row of each frame in the index's table."""
    video_of_frame: NDArray[np.int32]
    """(F,) position in `videos`."""
    truth: NDArray[np.int64]
    """(G,) row of each object in the index's table, of all classes: those that are not evaluated may be near to a
    detection, or be what it confuses."""
    image: NDArray[np.int64]
    """(G,) row of its frame in the frame table, ascending."""
    asked: NDArray[np.bool_]
    """(G,) objects that the subset asks for."""
    ignored: NDArray[np.bool_]
    """(G,) objects that are not asked for because of motion or occlusion: finding them is neither right nor wrong.
    Size is judged by each protocol itself, from `area`; other classes than `labels` are left out of the results."""
    motion: NDArray[np.float64] | None
    """(G,) motion IoU over all frames of the video, NaN for an object without track; None when none has one."""
    labels: NDArray[np.bool_]
    """(C,) classes that are evaluated."""
    motion_range: str | None
    """What the subset asks for: slow, medium or fast."""
    area: tuple[float, float]
    """Least and most area in pixels² of the objects asked for; (0, 1e10) is any."""

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(V + 1,) first row of each video in the frame table, and the end."""
        return np.cumsum([0, *(len(numbers) for numbers in self.frames)])


def select(index: VideoIndex, subset: Subset) -> Selection:
    """Apply a subset to an index: first what chooses frames, then classes, then objects.

    Raises:
        DataError: nothing is left; says after which condition.
    """
    frames = _choose_frames(index, subset)
    videos = np.array([video for video, numbers in frames.items() if len(numbers)], np.int64)
    kept = tuple(frames[video] for video in videos.tolist())
    table = index.table
    starts = table.frame_starts[videos].tolist()
    rows = np.concatenate(
        [np.zeros(0, np.int64), *(start + numbers for start, numbers in zip(starts, kept, strict=True))]
    )
    video_of_frame = np.repeat(np.arange(len(videos), dtype=np.int32), [len(numbers) for numbers in kept])
    truth, image = _objects(table.box_offsets, rows)
    labels = np.array([not subset.classes or name in subset.classes for name in index.class_names], bool)
    own = labels[table.labels[truth]]
    if subset.classes:
        _require(bool(own.any()), f"classes={','.join(subset.classes)} leaves no object in the frames that are left")
    motion = _motion(index, videos, truth)
    asked, ignored = _asked(index, subset, truth, own, motion)
    area = AREA_RANGES[subset.size or "all"]
    return Selection(
        videos, kept, rows, video_of_frame, truth, image, asked, ignored, motion, labels, subset.motion, area
    )


def _require(fulfilled: bool, problem: str, remedy: str = "Change or drop this condition.") -> None:
    if not fulfilled:
        raise DataError(f"{problem}. {remedy}")


def _choose_frames(index: VideoIndex, subset: Subset) -> dict[int, NDArray[np.int64]]:
    """Video position -> frame numbers, ascending; videos without a frame may stand in it."""
    chosen = list(range(len(index)))
    if subset.videos:
        chosen = [video for video in chosen if any(_fits(index.videos[video], text) for text in subset.videos)]
        example = f"There are {len(index)}, for example {index.videos[0].name}." if len(index) else "There are none."
        _require(bool(chosen), f"videos={','.join(subset.videos)} fits no video", example)
    table = index.table
    frames = {video: np.arange(0, int(table.frame_counts[video]), subset.every) for video in chosen}
    frames = {video: numbers[index.annotated(video)[numbers]] for video, numbers in frames.items()}
    if subset.trouble is not None:
        _require(bool(index.known_troubles), f"trouble={subset.trouble}: the dataset has no troubles.json")
        frames = {video: _troubled(index, video, numbers, subset.trouble) for video, numbers in frames.items()}
        _require(any(map(len, frames.values())), f"trouble={subset.trouble} leaves no frame")
    if subset.max_videos is not None:
        left = [video for video, numbers in frames.items() if len(numbers)]
        frames = {video: frames[video] for video in _draw(index, left, subset.max_videos, subset.seed)}
    return frames


def _fits(video: Video, text: str) -> bool:
    """Whether a video fits all patterns of "a&b"."""
    names = (video.name, video.name.rpartition("/")[2])

    def fits(part: str) -> bool:
        return part in (*names, video.source) or any(fnmatch.fnmatchcase(name, part) for name in names)

    return all(map(fits, text.split("&")))


def _troubled(index: VideoIndex, video: int, numbers: NDArray[np.int64], words: str) -> NDArray[np.int64]:
    """The frames of which all words are true. A video that nobody has looked at is neither clean nor troubled."""
    known = index.known_troubles.get(index.videos[video].name)
    if known is None:
        return numbers[:0]

    def fulfils(kinds: Sequence[str]) -> bool:
        answers = {"clean": not kinds, "any": bool(kinds)}
        return all(answers.get(word, word in kinds) for word in words.split("&"))

    return numbers[np.array([fulfils(known[frame]) for frame in numbers.tolist()], bool)]


def _draw(index: VideoIndex, videos: Sequence[int], most: int, seed: int) -> list[int]:
    """At most so many videos: whole sources in random order, as long as they fit."""
    by_source: dict[str, list[int]] = {}
    for video in videos:
        by_source.setdefault(index.videos[video].source, []).append(video)
    sources = sorted(by_source)
    random.Random(seed).shuffle(sources)
    drawn: list[int] = []
    for source in sources:
        if len(drawn) + len(by_source[source]) <= most:
            drawn += by_source[source]
    least = min(map(len, by_source.values()), default=0)
    _require(
        bool(drawn) or not videos,
        f"max_videos={most}: the smallest source video has {least} snippets, which stay together",
        f"Use max_videos={least} or more.",
    )
    return sorted(drawn)


def _objects(box_offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The boxes of some frames: (G,) rows of the box columns, (G,) position of their frame in `rows`."""
    counts = box_offsets[rows + 1] - box_offsets[rows]
    image = np.repeat(np.arange(len(rows)), counts)
    before = np.cumsum(counts) - counts
    return np.arange(len(image)) + (box_offsets[rows] - before)[image], image


def _motion(index: VideoIndex, videos: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Motion IoU of the objects `truth`; over whole videos, whatever frames were chosen."""
    table = index.table
    if not (table.track_ids[truth] >= 0).any():
        return None
    values = np.full(len(table.boxes), np.nan)
    for video in videos.tolist():
        first = int(table.frame_starts[video])
        rows = np.arange(first, first + int(table.frame_counts[video]))
        boxes, frame = _objects(table.box_offsets, rows)
        tracked = table.track_ids[boxes] >= 0
        boxes, frame = boxes[tracked], frame[tracked]
        values[boxes] = motion_iou(frame, table.track_ids[boxes], table.boxes[boxes])
    return values[truth]


def _asked(
    index: VideoIndex,
    subset: Subset,
    truth: NDArray[np.int64],
    own: NDArray[np.bool_],
    motion: NDArray[np.float64] | None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(G,) objects that are asked for; (G,) those that are not because of motion or occlusion. own: (G,) those of the
    chosen classes."""
    table, ignored = index.table, np.zeros(len(truth), bool)
    if subset.motion is not None:
        _require(motion is not None, f"motion={subset.motion}: the objects have no track ids")
        values = np.asarray(motion)
        ignored |= ~(motion_range(values, subset.motion) | np.isnan(values))
        _require(bool((own & ~ignored).any()), f"motion={subset.motion} leaves no object")
    if subset.occluded is not None:
        ignored |= ((table.flags[truth] & OCCLUDED) > 0) != subset.occluded
        _require(bool((own & ~ignored).any()), f"occluded={'yes' if subset.occluded else 'no'} leaves no object")
    asked = own & ~ignored
    if subset.size is not None:
        least, most = AREA_RANGES[subset.size]
        areas = table.areas[truth]
        asked &= (areas >= least) & (areas <= most)
        _require(bool(asked.any()), f"size={subset.size} leaves no object")
    return asked, ignored
