"""Features of sample frames, taken once, just before the last block that makes C4: live training starts from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clab_lite.data.transforms import clamp_boxes, scale_boxes
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.frames import inference, load_frame


@dataclass(frozen=True)
class Cached:
    """F frames of one size with R objects."""

    inputs: Tensor
    """(F, C, H/16, W/16): what enters the last block of layer3."""
    video: NDArray[np.int64]
    """(F,) video of each frame: a position in its index."""
    frame: NDArray[np.int64]
    """(F,)"""
    boxes: Tensor
    """(R, 5): row of `inputs`, then x1, y1, x2, y2 in pixels of the padded frame."""
    label: Tensor
    """(R,) position in `class_names`."""
    track: NDArray[np.int64]
    """(R,) the same for one object of one video."""
    class_names: tuple[str, ...]

    @property
    def box_row(self) -> NDArray[np.int64]:
        """(R,) row of `inputs`."""
        return self.boxes[:, 0].long().numpy()


def main_classes(index: VideoIndex) -> NDArray[np.int64]:
    """(V,) the most frequent label of each video; -1 without objects."""
    answer = []
    for video in range(len(index)):
        frames = range(index.videos[video].frame_count)
        found = Counter(int(label) for f in frames for label in index.annotation(video, f).labels)
        answer.append(min(found, key=lambda label: (-found[label], label)) if found else -1)
    return np.array(answer, np.int64)


def pick_videos(learn: VideoIndex, held_out: VideoIndex, classes: int, each: int) -> tuple[list[int], list[list[int]]]:
    """The labels with the most videos, and per split `each` videos (half as many held out) of each label."""
    mains = [main_classes(learn), main_classes(held_out)]
    counts = [Counter(main[main >= 0].tolist()) for main in mains]
    shared = sorted(set(counts[0]) & set(counts[1]), key=lambda c: (-min(counts[0][c], 2 * counts[1][c]), c))
    if not shared:
        raise DataError("the two splits share no class. Give splits of one dataset.")
    labels = shared[:classes]
    limits = (each, max(each // 2, 1))
    chosen = [
        [int(v) for label in labels for v in np.flatnonzero(main == label)[:limit]]
        for main, limit in zip(mains, limits, strict=True)
    ]
    return labels, chosen


def take_features(
    detector: VideoDetector, index: VideoIndex, videos: Sequence[int], labels: Sequence[int], step: int = 2
) -> Cached:
    """Run the frozen part of the backbone on every `step`-th frame of the videos; keep the objects of these labels."""
    inputs: list[Tensor] = []
    places, boxes, classes, tracks = [], [], [], []
    with inference(detector, None) as device, torch.no_grad():
        for video in videos:
            for frame in range(0, index.videos[video].frame_count, step):
                ready = load_frame(index, video, frame, detector.config.frame, device)
                note = index.annotation(video, frame)
                corners = clamp_boxes(scale_boxes(torch.from_numpy(note.boxes), ready.scale), *ready.image_size)
                for box, label, track in zip(corners, note.labels.tolist(), note.track_ids.tolist(), strict=True):
                    if label in labels and bool((box[2:] - box[:2] >= 1).all()):
                        boxes.append([len(inputs), *box.tolist()])
                        classes.append(labels.index(label))
                        tracks.append((video, int(track)))
                inputs.append(_before_last_block(detector, ready.pixels[None])[0].cpu())
                places.append((video, frame))
    where = np.array(places, np.int64)
    return Cached(
        torch.stack(inputs), where[:, 0], where[:, 1], torch.tensor(boxes).reshape(-1, 5), torch.tensor(classes),
        _numbered(tracks), tuple(index.class_names[label] for label in labels),
    )  # fmt: skip


def _numbered(tracks: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(R,) one number for each (video, track): track ids may be of any size, and come again in other videos."""
    pairs = np.array(tracks, np.int64).reshape(-1, 2)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def _before_last_block(detector: VideoDetector, pixels: Tensor) -> Tensor:
    """Frames (N, 3, H, W) -> what enters the last block of layer3, (N, C4, H/16, W/16)."""
    blocks: list[nn.Module] = list(detector.backbone.get_submodule("layer3").children())
    caught: list[Tensor] = []
    hook = blocks[-1].register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    try:
        detector.extract(pixels)
    finally:
        hook.remove()
    return caught[0]
