"""The backgrounds: what an instance is pasted on. CoDo's point is to take them from the detector's own training data.

    downstream   frames the detector will be trained on (published: CoDo's abstract)
    pretrain     frames of the data that the instances come from (InsLoc)
    noise        random pixels (an ablation, ours)
    same         one downstream frame for all views of an instance: the background gives the answer away (ours)

Wherever frames are drawn, the instance's own source video is left out (ours): there its background could be the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from clab_lite.data.transforms import clamp_boxes, scale_boxes
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.codo.frames import FrameStore, Source, sources
from clab_lite.methods.codo.paste import resize

Kind = Literal["downstream", "pretrain", "noise", "same"]

_KEPT_BYTES = 300_000_000
"""Resized frames kept at most."""


@dataclass(frozen=True)
class Background:
    """One background."""

    image: Tensor
    """(3, S, S) uint8."""
    boxes: Tensor
    """(G, 4) the labelled objects in it, pixels of `image`."""
    source: Source | None
    """The video it comes from; None for noise."""


class BackgroundPool:
    """Backgrounds of S x S pixels; frames are resized to that, ignoring their aspect (InsLoc)."""

    def __init__(self, kind: Kind, size: int, index: VideoIndex | None) -> None:
        """
        Args:
            kind: see above.
            size: S, pixels.
            index: the videos that frames are drawn from; noise needs none.

        Raises:
            DataError: frames are asked for and there are none.
        """
        self.kind, self.size, self.index = kind, size, index
        self._sources: list[Source] = []
        self._by_source: dict[Source, list[int]] = {}
        self._kept: dict[tuple[int, int], Background] = {}
        if kind != "noise":
            if index is None or index.frame_count == 0:
                raise DataError(f"background {kind!r} draws frames, but there are none. Give an index of videos.")
            self._load = FrameStore(index)
            self._sources = sources(index)
            for video, source in enumerate(self._sources):
                self._by_source.setdefault(source, []).append(video)

    def draw(self, views: int, never: Source, rng: random.Random, pixels: bool = True) -> list[Background]:
        """A background for each view of an instance, none from the source video `never`.

        Without `pixels` no frame is read: the images are on the meta device.

        Raises:
            DataError: there is no other video.
        """
        if self.kind == "noise":
            drawn = [self._noise(rng) for _ in range(views)]
            return drawn if pixels else [replace(one, image=one.image.to("meta")) for one in drawn]
        places = [self._place(never, rng) for _ in range(1 if self.kind == "same" else views)]
        found = [self.at(*place) if pixels else self._without_pixels(*place) for place in places]
        return found * views if self.kind == "same" else found

    def require_others(self, filmed: Iterable[Source]) -> None:
        """Raise DataError when an instance filmed at one of these sources would find no background."""
        if self.kind == "noise":
            return
        for source in filmed:
            if not self._by_source.keys() - {source}:
                raise _nothing_else(source)

    def at(self, video: int, frame: int) -> Background:
        """The background that one frame makes."""
        if (video, frame) not in self._kept:
            image = resize(self._load(video, frame), (self.size, self.size))
            made = replace(self._without_pixels(video, frame), image=image)
            if len(self._kept) * made.image.numel() > _KEPT_BYTES:
                return made
            self._kept[video, frame] = made
        return self._kept[video, frame]

    def _without_pixels(self, video: int, frame: int) -> Background:
        assert self.index is not None
        width, height = self.index.frame_size(video, frame)
        boxes = torch.from_numpy(self.index.annotation(video, frame).boxes)
        boxes = clamp_boxes(scale_boxes(boxes, (self.size / width, self.size / height)), self.size, self.size)
        nothing = torch.empty(3, self.size, self.size, dtype=torch.uint8, device="meta")
        return Background(nothing, boxes, self._sources[video])

    def _place(self, never: Source, rng: random.Random) -> tuple[int, int]:
        """(video, frame), evenly over the frames of all other source videos."""
        assert self.index is not None
        counts = self.index.table.frame_counts.copy()
        counts[self._by_source.get(never, [])] = 0
        ends = np.cumsum(counts)
        if ends[-1] == 0:
            raise _nothing_else(never)
        row = rng.randrange(int(ends[-1]))
        video = int(np.searchsorted(ends, row, side="right"))
        return video, row - int(ends[video] - counts[video])

    def _noise(self, rng: random.Random) -> Background:
        shape = (3, self.size, self.size)
        pixels = torch.frombuffer(bytearray(rng.randbytes(3 * self.size**2)), dtype=torch.uint8).reshape(shape)
        return Background(pixels, torch.zeros(0, 4), None)


def _nothing_else(source: Source) -> DataError:
    remedy = "Give a second video, or use background 'noise'."
    return DataError(f"every background comes from {source[1]}, where the instance was filmed. {remedy}")
