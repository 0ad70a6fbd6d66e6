"""Training clips: a key frame, its references, and the boxes of all of them, ready for the detector.

T reference frames per clip, G boxes in a frame. Boxes are (x1, y1, x2, y2) pixels of the resized frame,
before padding.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

from clab_lite.config import DataConfig, FrameConfig
from clab_lite.data.augment import ClipAugmentation
from clab_lite.data.clip_sampler import ClipSampler
from clab_lite.data.references import bilateral_uniform
from clab_lite.data.table import trainable
from clab_lite.data.transforms import PAD_MULTIPLE
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError

__all__ = ["ClipDataset", "ClipSample", "ClipSampler", "collate_clips"]

CACHE_BYTES = 2_000_000_000
"""Decoded frames kept in memory at most, per process."""


@dataclass(frozen=True)
class ClipSample:
    """One clip.

    frames: 1 + T normalised float32 tensors (3, h, w), the key frame first.
    target: of the key frame: "boxes" (G, 4) float32, "labels" (G,) int64, "track_ids" (G,) int64,
        "image_size" (h, w) before padding, "scale" (sx, sy) from stored to resized pixels; of the
        references: "reference_sizes" T x (h, w), "reference_targets" T x {"boxes", "labels", "track_ids"};
        "video_id" int, the video's position; "sample_id", "<video name>/<frame>".
    """

    frames: list[Tensor]
    target: dict[str, Any]


class ClipDataset(Dataset[ClipSample]):
    """`dataset[(position, key)]` -> ClipSample. Safe to pickle.

    Everything random depends on (seed, position) alone: not on workers, ranks, or what was read before.
    Frames fit the detector's `size`, give or take the scale jitter.
    Boxes that may not be trained on (`clab_lite.data.table.trainable`) are dropped, the rest clamped to the
    frame.
    """

    def __init__(self, index: VideoIndex, config: DataConfig, size: FrameConfig, seed: int) -> None:
        if len(index.key_frames) == 0:
            raise DataError(
                f"{index.video_root}: no key frame holds a usable box. Open the train split, and check its lists."
            )
        self.index = index
        self.config = config
        self.size = size
        self.seed = seed
        self._images: dict[tuple[int, int], Tensor] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.index.key_frames)

    def __getitem__(self, item: tuple[int, int]) -> ClipSample:
        position, key = item
        video, frame = (int(value) for value in self.index.key_frames[key])
        rng = random.Random(f"{self.seed}/{position}")
        numbers = [frame, *self._references(video, frame, rng)]
        augmentation = ClipAugmentation.draw(self.config, self.size, rng)
        images = [self._image(video, number) for number in numbers]
        frames, scales = augmentation.frames(images)
        targets = [
            self._objects(video, number, image, resized, scale, augmentation)
            for number, image, resized, scale in zip(numbers, images, frames, scales, strict=True)
        ]
        sizes = [(resized.shape[-2], resized.shape[-1]) for resized in frames]
        target = {
            **targets[0],
            "image_size": sizes[0],
            "scale": scales[0],
            "reference_sizes": sizes[1:],
            "reference_targets": targets[1:],
            "video_id": video,
            "sample_id": f"{self.index.videos[video].name}/{frame:06d}",
        }
        return ClipSample(frames, target)

    def _references(self, video: int, frame: int, rng: random.Random) -> list[int]:
        count, frame_count = self.config.references, self.index.videos[video].frame_count
        drawn = bilateral_uniform(frame, frame_count, count, self.config.frame_range, rng)
        return drawn or [frame] * count  # a still image, or a video of one frame: copies of the key

    def _image(self, video: int, frame: int) -> Tensor:
        image = self._images.get((video, frame))
        if image is None:
            image = self.index.load_image(video, frame)
            if self.config.cache_images and self._cached_bytes + image.numel() <= CACHE_BYTES:
                self._images[video, frame] = image
                self._cached_bytes += image.numel()
        return image

    def _objects(
        self,
        video: int,
        frame: int,
        image: Tensor,
        resized: Tensor,
        scale: tuple[float, float],
        augmentation: ClipAugmentation,
    ) -> dict[str, Tensor]:
        annotation = self.index.annotation(video, frame)
        height, width = image.shape[-2:]
        keep = trainable(annotation.boxes, width, height)
        boxes = torch.from_numpy(annotation.boxes[keep])
        return {
            "boxes": augmentation.boxes(boxes, scale, resized.shape[-2], resized.shape[-1]),
            "labels": torch.from_numpy(annotation.labels[keep]),
            "track_ids": torch.from_numpy(annotation.track_ids[keep]),
        }


def collate_clips(samples: Sequence[ClipSample]) -> tuple[Tensor, list[dict[str, Any]]]:
    """B clips -> (B, 1+T, 3, H, W) padded with zeros at the right and bottom, and their B targets.

    H and W are the largest of the batch, rounded up to a multiple of 16.
    """
    if not samples:
        raise DataError("a batch needs at least one clip. Check the batch size.")
    height, width = (
        -(-max(frame.shape[axis] for sample in samples for frame in sample.frames) // PAD_MULTIPLE) * PAD_MULTIPLE
        for axis in (-2, -1)
    )
    clips = [
        torch.stack([pad(f, (0, width - f.shape[-1], 0, height - f.shape[-2])) for f in sample.frames])
        for sample in samples
    ]
    return torch.stack(clips), [sample.target for sample in samples]
