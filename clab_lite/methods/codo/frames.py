"""Decoded frames of an index, kept in memory up to a limit; and whose pictures they are."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from clab_lite.data.video_index import VideoIndex

Source = tuple[Path, str]
"""A source video: the folder that its name starts from, and `Video.source` (snippets of one video look alike)."""

KEPT_BYTES = 500_000_000
"""Decoded frames kept at most, per store."""


class FrameStore:
    """Frames (3, H, W) uint8 of an index. Safe to pickle; a frame beyond the limit is decoded each time."""

    def __init__(self, index: VideoIndex) -> None:
        self.index = index
        self._frames: dict[tuple[int, int], Tensor] = {}
        self._bytes = 0

    def __call__(self, video: int, frame: int) -> Tensor:
        """One frame; nobody may change it. DataError names an unreadable file."""
        image = self._frames.get((video, frame))
        if image is None:
            image = self.index.load_image(video, frame)
            if self._bytes + image.numel() <= KEPT_BYTES:
                self._frames[video, frame] = image
                self._bytes += image.numel()
        return image


def sources(index: VideoIndex) -> list[Source]:
    """The source video of each video of an index, comparable with those of another index."""
    roots = {False: index.video_root.resolve(), True: index.still_root.resolve()}
    return [(roots[video.is_still], video.source) for video in index.videos]
