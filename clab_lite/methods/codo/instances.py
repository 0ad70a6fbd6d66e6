"""The instances: objects of videos, cut out by their boxes, ground-truth or detected."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clab_lite.data.table import trainable
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.codo.config import WindowConfig
from clab_lite.methods.codo.frames import FrameStore, Source, sources

Boxes = Mapping[tuple[int, int], Tensor]
"""(video, frame) -> (G, 4) boxes, pixels of the stored frame."""

ASPECT = (0.5, 2.0)
"""Aspect of the window (InsLoc), measured against the box's own (ours: boxes may be far from square)."""
TRIES = 10


@dataclass(frozen=True)
class Instance:
    """One object in one frame."""

    video: int
    frame: int
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 pixels of the stored frame, inside it."""
    source: Source
    """Where it was filmed: no background may come from there."""


class InstancePool:
    """The objects of an index, grouped so that no batch holds one twice.

    A group is a track. Where nothing tells the tracks (no ids, detected boxes), all boxes of a class in a video, or all
    detected boxes of a source video, are one group: two of them might be one object, and a negative of itself.
    """

    def __init__(self, index: VideoIndex, boxes: Boxes | None = None) -> None:
        """
        Args:
            index: the videos.
            boxes: detected boxes to use instead of the ground truth.

        Raises:
            DataError: no box to use; a detected box of a frame that is not there, or not finite.
        """
        self.index = index
        self._load = FrameStore(index)
        self._sources = sources(index)
        self.groups: list[list[Instance]] = []
        """Per object, the boxes that show it."""
        found = self._ground_truth() if boxes is None else self._detected(boxes)
        self.groups = list(found.values())
        if not self.groups:
            what = "no trainable ground-truth box" if boxes is None else "no usable detected box"
            raise DataError(f"{index.video_root}: {what} in {len(index)} videos. Open a split that has boxes.")

    def __len__(self) -> int:
        """Objects."""
        return len(self.groups)

    def draw(self, count: int, rng: random.Random) -> list[Instance]:
        """`count` different objects, each in one of its frames.

        Raises:
            DataError: there are fewer objects.
        """
        if count > len(self.groups):
            remedy = "Take a smaller batch, or more videos: an object may not be its own negative."
            raise DataError(f"a batch of {count} instances from {len(self.groups)} objects. {remedy}")
        return [rng.choice(group) for group in rng.sample(self.groups, count)]

    def crop(self, instance: Instance, rng: random.Random, config: WindowConfig, pixels: bool = True) -> Tensor:
        """An instance (3, h, w), uint8, through a random window (`draw_window`); without `pixels` on the meta device:
        nothing is read."""
        width, height = self.index.frame_size(instance.video, instance.frame)
        nothing = torch.empty(3, height, width, dtype=torch.uint8, device="meta")
        image = self._load(instance.video, instance.frame) if pixels else nothing
        return cut(image, draw_window(instance.box, (image.shape[1], image.shape[2]), rng, config))

    def exact(self, instance: Instance) -> Tensor:
        """The pixels inside the box (3, h, w), uint8."""
        return cut(self._load(instance.video, instance.frame), instance.box)

    def class_name(self, instance: Instance) -> str:
        """Class of the ground-truth box nearest to the instance's; "" in a frame without any."""
        annotation = self.index.annotation(instance.video, instance.frame)
        if len(annotation.boxes) == 0:
            return ""
        away = np.abs(annotation.boxes - np.array(instance.box)).sum(axis=1)
        return self.index.class_names[int(annotation.labels[away.argmin()])]

    def _ground_truth(self) -> dict[tuple[object, ...], list[Instance]]:
        found: dict[tuple[object, ...], list[Instance]] = {}
        for v, f in self._frames():
            annotation, (width, height) = self.index.annotation(v, f), self.index.frame_size(v, f)
            still = self.index.videos[v].is_still
            for i in np.flatnonzero(trainable(annotation.boxes, width, height)).tolist():
                track = int(annotation.track_ids[i])
                told = track >= 0 or still  # a still image shows every object once
                group = (v, told, (i if still else track) if told else int(annotation.labels[i]))
                self._add(found, group, v, f, annotation.boxes[i])
        return found

    def _frames(self) -> list[tuple[int, int]]:
        """(video, frame) to take ground truth from: the key frames where some are listed, as in training (of ImageNet
        VID 57 thousand instead of 1.1 million), else every annotated frame."""
        if len(self.index.key_frames):
            return sorted((int(v), int(f)) for v, f in self.index.key_frames)
        return [(v, int(f)) for v in range(len(self.index)) for f in np.flatnonzero(self.index.annotated(v))]

    def _detected(self, boxes: Boxes) -> dict[tuple[object, ...], list[Instance]]:
        found: dict[tuple[object, ...], list[Instance]] = {}
        for (v, f), given in boxes.items():
            width, height = self.index.frame_size(v, f)  # raises for a frame that is not there
            rows = np.asarray(torch.as_tensor(given), np.float32).reshape(-1, 4)
            if not np.isfinite(rows).all():
                raise DataError(f"detected boxes of video {v}, frame {f} are not finite: {rows.tolist()}. Drop them.")
            for row in rows[trainable(rows, width, height)]:
                self._add(found, self._sources[v], v, f, row)
        return found

    def _add(
        self,
        found: dict[tuple[object, ...], list[Instance]],
        group: tuple[object, ...],
        v: int,
        f: int,
        row: np.ndarray,
    ) -> None:
        width, height = self.index.frame_size(v, f)
        x1, y1, x2, y2 = (float(value) for value in row)
        box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
        found.setdefault(group, []).append(Instance(v, f, box, self._sources[v]))


def draw_window(
    box: tuple[float, float, float, float], image_size: tuple[int, int], rng: random.Random, config: WindowConfig
) -> tuple[float, float, float, float]:
    """A random window on a box: the box enlarged, then a part of it, inside the image of (height, width) pixels.

    After 10 windows that do not fit into the enlarged box it is the whole of that.
    """
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    left, top, right, bottom = (rng.uniform(0, config.enlarge) for _ in range(4))
    x1, x2 = max(x1 - left * width, 0.0), min(x2 + right * width, float(image_size[1]))
    y1, y2 = max(y1 - top * height, 0.0), min(y2 + bottom * height, float(image_size[0]))
    for _ in range(TRIES):
        area, aspect = (
            rng.uniform(config.area[0], config.area[1]),
            math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1]))),
        )
        across, down = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if across <= 1 and down <= 1:
            x = x1 + rng.uniform(0, 1 - across) * (x2 - x1)
            y = y1 + rng.uniform(0, 1 - down) * (y2 - y1)
            return x, y, x + across * (x2 - x1), y + down * (y2 - y1)
    return x1, y1, x2, y2


def cut(image: Tensor, window: tuple[float, float, float, float]) -> Tensor:
    """The pixels (3, h, w) of an image that a window touches, at least one; the window reaches into the image."""
    height, width = image.shape[-2:]
    left, top = min(int(window[0]), width - 1), min(int(window[1]), height - 1)
    right, bottom = max(math.ceil(window[2]), left + 1), max(math.ceil(window[3]), top + 1)
    return image[..., top:bottom, left:right]
