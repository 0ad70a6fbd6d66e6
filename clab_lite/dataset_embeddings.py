"""Run a network over a dataset for its features: video after video, each pooled per frame or per object.

A batch is of one video: so the features of a video do not depend on what else a process embeds, and several processes
find bit by bit what one finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torchvision.ops
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.array_file import packed, unpacked
from clab_lite.config import FrameConfig
from clab_lite.data.read_ahead import load_ahead
from clab_lite.data.transforms import clamp_boxes, scale_boxes
from clab_lite.data.vid import VideoIndex
from clab_lite.frames import device_type, inference, load_frame, reading_threads
from clab_lite.shares import share_out
from clab_lite.team import Team, team
from clab_lite.team_bar import team_bar

Level = Literal["object", "frame", "projector"]
"""object: C4 pooled inside each ground-truth box. frame: C4 pooled over the frame. projector: the auxiliary branch's
embedding of the frame."""
_ROI_CELLS = 7


@dataclass(frozen=True)
class EmbeddingRows:
    """N embeddings of one level, by video, then by frame.

    places: (N, 4) int64: video, frame, track (-1: a whole frame), label (-1: nothing is shown).
    matrix: (N, D) float32.
    """

    places: NDArray[np.int64]
    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]]) -> EmbeddingRows:
        """All parts, in this order."""
        if not parts:
            return cls(np.zeros((0, 4), np.int64), np.zeros((0, 0), np.float32))
        return cls(np.concatenate([places for places, _ in parts]), np.concatenate([matrix for _, matrix in parts]))


@dataclass(frozen=True)
class EmbeddingSetting:
    """How frames are embedded: their size, every so many-th frame, and how many at a time."""

    size: FrameConfig
    frame_step: int
    batch: int


def embed_dataset(
    detector: Any,
    index: VideoIndex,
    levels: Sequence[Level],
    setting: EmbeddingSetting,
    *,
    device: str | torch.device | None,
    progress: bool,
    title: str,
) -> dict[Level, EmbeddingRows]:
    """Several levels from one pass of the backbone. Arguments as in `clab_lite.embeddings.embed_levels`.

    Several processes divide the videos among them, and all of them return all rows.
    """
    lengths = [-(-video.frame_count // setting.frame_step) for video in index.videos]
    with team(device_type(detector, device)) as us:
        owners = share_out(lengths, us.size)
        own = [video for video, owner in enumerate(owners) if owner == us.rank]
        parts: dict[int, dict[Level, list[_Part]]] = {}
        with team_bar(us, title, sum(lengths), shown=progress) as advance, inference(detector, device) as place:
            for frames in _batches(index, own, setting, place):
                with torch.no_grad():
                    found = _embed_batch(detector, index, frames, levels)
                of_video = parts.setdefault(frames[0].video, {level: [] for level in levels})
                for level, part in found.items():
                    of_video[level].append(part)
                advance(len(frames))
        videos = {video: {name: EmbeddingRows.of(part) for name, part in of.items()} for video, of in parts.items()}
        if us.size > 1:
            videos = _gathered(us, owners, videos, levels)
        rows = [videos[video] for video in sorted(videos)]
        return {level: EmbeddingRows.of([(of[level].places, of[level].matrix) for of in rows]) for level in levels}


_Part = tuple[NDArray[np.int64], NDArray[np.float32]]


def _gathered(
    us: Team, owners: Sequence[int], videos: dict[int, dict[Level, EmbeddingRows]], levels: Sequence[Level]
) -> dict[int, dict[Level, EmbeddingRows]]:
    """The rows of all videos, in every process."""
    everything = {}
    for video, owner in enumerate(owners):
        own = b""
        if owner == us.rank and video in videos:
            rows = videos[video]
            arrays: dict[str, NDArray[Any]] = {f"{level} places": rows[level].places for level in levels}
            own = packed(arrays | {f"{level} matrix": rows[level].matrix for level in levels})
        content = us.to_all(owner, own)
        if content:
            found = unpacked(content)
            everything[video] = {
                level: EmbeddingRows(found[f"{level} places"], found[f"{level} matrix"]) for level in levels
            }
    return everything


@dataclass(frozen=True)
class _Frame:
    """pixels: (3, H, W), padded. scale: of x and y, from the frame of the dataset to this one."""

    video: int
    frame: int
    pixels: Tensor
    image_size: tuple[int, int]
    scale: tuple[float, float]


def _batches(
    index: VideoIndex, videos: Sequence[int], setting: EmbeddingSetting, device: torch.device
) -> Iterator[list[_Frame]]:
    """Frames of one video and one size."""
    keys = ((v, f) for v in videos for f in range(0, index.videos[v].frame_count, setting.frame_step))
    waiting: list[_Frame] = []
    for (video, frame), ready in load_ahead(
        lambda key: load_frame(index, key[0], key[1], setting.size, device), keys, reading_threads(device)
    ):
        if waiting and (
            len(waiting) == setting.batch or waiting[0].video != video or waiting[0].pixels.shape != ready.pixels.shape
        ):
            yield waiting
            waiting = []
        waiting.append(_Frame(video, frame, ready.pixels, ready.image_size, ready.scale))
    if waiting:
        yield waiting


def _embed_batch(
    detector: Any, index: VideoIndex, frames: Sequence[_Frame], levels: Sequence[Level]
) -> dict[Level, _Part]:
    """What one batch of frames gives."""
    pixels = torch.stack([frame.pixels for frame in frames])
    c4, _ = detector.extract(pixels)
    stride = pixels.shape[-1] / c4.shape[-1]
    boxes, means = [], []
    of_objects: list[tuple[int, int, int, int]] = []
    of_frames: list[tuple[int, int, int, int]] = []
    for number, each in enumerate(frames):
        annotation, (height, width) = index.annotation(each.video, each.frame), each.image_size
        resized = clamp_boxes(scale_boxes(torch.from_numpy(annotation.boxes), each.scale), height, width)
        sides = resized[:, 2:] - resized[:, :2]
        seen = (sides > 0).all(dim=1)
        boxes.append(resized[seen].to(c4.device))
        for i in torch.nonzero(seen)[:, 0].tolist():
            of_objects.append((each.video, each.frame, int(annotation.track_ids[i]), int(annotation.labels[i])))
        label = int(annotation.labels[int(sides.prod(dim=1).argmax())]) if bool(seen.any()) else -1
        of_frames.append((each.video, each.frame, -1, label))
        # Padding is not picture: a frame is pooled over the cells that its pixels reach.
        inside = c4[number, :, : -(-height // int(stride)), : -(-width // int(stride))]
        means.append(inside.mean(dim=(1, 2)))
    found: dict[Level, _Part] = {}
    for level in levels:
        if level == "object":
            pooled = torchvision.ops.roi_align(c4.float(), boxes, _ROI_CELLS, 1 / stride, 2, aligned=True)
            matrix = pooled.mean(dim=(2, 3))
        else:
            matrix = torch.stack(means) if level == "frame" else detector.auxiliary.embed(c4)
        places = np.array(of_objects if level == "object" else of_frames, np.int64).reshape(-1, 4)
        found[level] = places, matrix.float().cpu().numpy()
    return found
