"""From an index, a selection and detections to what the metrics read: frame table, ground truth, chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.selection import Selection
from clab_lite.data.table import CROWD
from clab_lite.data.vid import VideoIndex
from clab_lite.detection_store import Found
from clab_lite.metrics.arrays import Detections, Frames, GroundTruth


@dataclass(frozen=True)
class Inputs:
    """What is evaluated: F frames of V videos, G objects, C classes."""

    frames: Frames
    truth: GroundTruth
    chunks: Chunks
    selection: Selection
    class_names: tuple[str, ...]
    sources: NDArray[np.int64]
    """(V,) source video of each video: what is drawn together."""
    video_names: tuple[str, ...]
    """(V,)"""
    frame_numbers: NDArray[np.int64]
    """(F,) in its video."""

    @property
    def classes(self) -> int:
        """How many."""
        return len(self.class_names)

    @classmethod
    def of(cls, index: VideoIndex, selection: Selection, found: Found) -> Inputs:
        """Gather them; detections are read when a metric asks for them."""
        table = index.table
        sizes = table.frame_sizes[selection.rows]
        frames = Frames.of(sizes[:, 0], sizes[:, 1], selection.video_of_frame)
        rows = selection.truth
        crowd = (table.flags[rows] & CROWD) > 0
        truth = GroundTruth.of(
            selection.image, table.labels[rows], table.boxes[rows], table.areas[rows], crowd, selection.motion
        )
        videos = [index.videos[video] for video in selection.videos.tolist()]
        known = {source: number for number, source in enumerate(dict.fromkeys(video.source for video in videos))}
        return cls(
            frames,
            truth,
            Chunks(selection, found),
            selection,
            index.class_names,
            np.array([known[video.source] for video in videos], np.int64),
            tuple(video.name for video in videos),
            np.concatenate([np.zeros(0, np.int64), *selection.frames]),
        )


class Chunks:
    """The detections in the frames of a selection, of all classes, one chunk per video; may be gone through any number
    of times.

    Equal scores rank in this order, by video and frame. pycocotools ranks them by image id: AP may differ where a file
    numbers its images in another order.
    """

    def __init__(self, selection: Selection, found: Found) -> None:
        self._selection, self._found = selection, found

    def __iter__(self) -> Iterator[Detections]:
        selection = self._selection
        for position, video in enumerate(selection.videos.tolist()):
            numbers = selection.frames[position]
            found = self._found(video)
            frame = found.frame_of_row
            kept = np.isin(frame, numbers)
            image = selection.starts[position] + np.searchsorted(numbers, frame[kept])
            yield Detections.of(image, found.labels[kept], found.boxes[kept], found.scores[kept])


def frame_groups(index: VideoIndex, selection: Selection, clean: str, any_trouble: str) -> dict[str, NDArray[np.bool_]]:
    """(F,) frames of each group: clean, any trouble, then each trouble, the most frequent first.

    {} without any trouble in the dataset: "clean" would claim what nobody has looked at. For the same reason the
    frames of a video that the side file does not name are in no group.
    """
    troubles: list[tuple[str, ...] | None] = []
    for video, numbers in zip(selection.videos.tolist(), selection.frames, strict=True):
        known = index.known_troubles.get(index.videos[video].name)
        troubles += [None if known is None else known[frame] for frame in numbers.tolist()]
    if not any(troubles):
        return {}
    kinds = sorted({kind for words in troubles if words for kind in words})
    members = {kind: np.array([words is not None and kind in words for words in troubles]) for kind in kinds}
    kinds.sort(key=lambda kind: -int(members[kind].sum()))
    return {
        clean: np.array([words == () for words in troubles]),
        any_trouble: np.array([bool(words) for words in troubles]),
        **{kind: members[kind] for kind in kinds},
    }
