"""One batch as training makes it, with a name and a picture for every row of the auxiliary branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.config import Config
from clab_lite.data.clips import ClipSampler
from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.contrast import clip_labels
from clab_lite.errors import DataError
from clab_lite.training.batches import batches


@dataclass(frozen=True)
class Batch:
    """B clips of 1+T frames and their targets. Row b * (1+T) + t of the branch is frame t of clip b."""

    clips: Tensor
    """(B, 1+T, 3, H, W), normalised, the key frame first."""
    targets: list[dict[str, Any]]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """Rows of the branch: B * (1+T) frames."""
        return self.clips.shape[0] * self.clips.shape[1]

    @property
    def labels(self) -> Tensor:
        """(N,) of the rows: the number of the clip, as in frame-level contrast."""
        return clip_labels(self.clips.shape[0], self.clips.shape[1], self.clips.device)

    @property
    def names(self) -> list[str]:
        """A0, A1, A2, B0, ...: a letter per clip, 0 for its key frame."""
        count, length = self.clips.shape[:2]
        return [f"{ascii_uppercase[clip % 26]}{frame}" for clip in range(count) for frame in range(length)]

    @property
    def classes(self) -> list[str]:
        """Per row the class of the largest object of its clip's key frame."""
        return [self.class_names[largest(target)] for target in self.targets for _ in range(self.clips.shape[1])]

    def picture(self, row: int) -> NDArray[np.uint8]:
        """The frame of a row as the detector gets it (flipped, recoloured): (H, W, 3) RGB."""
        frame = self.clips.flatten(0, 1)[row]
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        return (frame.cpu() * deviation + mean).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()

    def take(self, clips: int) -> Batch:
        """The first clips of the batch alone."""
        if not 1 <= clips <= len(self.targets):
            raise DataError(f"{clips} clips of a batch of {len(self.targets)}. Take 1 to {len(self.targets)}.")
        return replace(self, clips=self.clips[:clips], targets=self.targets[:clips])

    def with_stills(self, *which: int) -> Batch:
        """The clips at these positions as still images: every reference is a copy of the key frame.

        This is what training does with images of ImageNet DET, which have no other frame to offer.
        """
        clips, targets = self.clips.clone(), list(self.targets)
        for clip in which:
            clips[clip] = clips[clip, :1]
            own = {name: targets[clip][name] for name in ("boxes", "labels", "track_ids")}
            targets[clip] = {**targets[clip], "reference_targets": [own] * (self.clips.shape[1] - 1)}
        return replace(self, clips=clips, targets=targets)


def largest(target: dict[str, Any]) -> int:
    """The label of the largest object of a frame."""
    sides = target["boxes"][:, 2:] - target["boxes"][:, :2]
    return int(target["labels"][int(sides.prod(dim=1).argmax())])


def real_batch(config: Config, index: VideoIndex, iteration: int = 0) -> Batch:
    """The batch that a training with this configuration sees at an iteration, pixel for pixel."""
    clips, targets = next(batches(config, index, iteration, torch.device("cpu")))
    return Batch(clips, targets, tuple(index.class_names))


def first_with_shared_class(config: Config, index: VideoIndex) -> int:
    """The first iteration in whose batch the key frames of exactly two clips show largest objects of one class."""
    for iteration, (classes, _) in zip(range(1000), _keys(config, index), strict=False):
        if len(set(classes)) == len(classes) - 1:
            return iteration
    return 0


@dataclass(frozen=True)
class FalseNegatives:
    """How often two clips of a batch are negatives although they show the same."""

    batches: int
    pairs: int
    """Pairs of clips in all of them."""
    same_class: float
    """Share of pairs whose largest objects have one class."""
    same_video: float
    """Share of pairs that come from one video."""
    batches_hit: float
    """Share of batches with at least one pair of one class."""

    def __str__(self) -> str:
        return (
            f"{self.batches} batches, {self.pairs} pairs of clips\n"
            f"pairs that show the same class  {self.same_class:7.1%}\n"
            f"pairs out of the same video     {self.same_video:7.1%}\n"
            f"batches with a false negative   {self.batches_hit:7.1%}"
        )


def count_false_negatives(config: Config, index: VideoIndex, count: int = 500) -> FalseNegatives:
    """Go through the first batches of a training without decoding a frame, and compare their clips pair by pair."""
    pairs = hits = videos = affected = 0
    for _, (classes, sources) in zip(range(count), _keys(config, index), strict=False):
        couples = [(a, b) for a in range(len(classes)) for b in range(a)]
        same = sum(classes[a] == classes[b] for a, b in couples)
        pairs, hits, affected = pairs + len(couples), hits + same, affected + (same > 0)
        videos += sum(sources[a] == sources[b] for a, b in couples)
    of_pairs = max(pairs, 1)
    return FalseNegatives(count, pairs, hits / of_pairs, videos / of_pairs, affected / count)


def _keys(config: Config, index: VideoIndex) -> Iterator[tuple[list[int], list[int]]]:
    """Per iteration, for each clip: the label of the largest object of its key frame, and its video."""
    sampler = ClipSampler(len(index.key_frames), config.train.clips_per_rank, config.train.seed)
    for batch in sampler:
        keys = [(int(video), int(frame)) for video, frame in (index.key_frames[key] for _, key in batch)]
        yield [_class_of(index, video, frame) for video, frame in keys], [video for video, _ in keys]


def _class_of(index: VideoIndex, video: int, frame: int) -> int:
    annotation = index.annotation(video, frame)
    sides = annotation.boxes[:, 2:] - annotation.boxes[:, :2]
    return int(annotation.labels[int(sides.prod(axis=1).argmax())])
