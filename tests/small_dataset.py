"""Three videos of a few frames in ILSVRC layout, and a detector that knows the answers. For tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from clab_lite.config import DetectionConfig, DetectorConfig, FrameConfig
from clab_lite.data.classes import VID_CLASSES, VID_WNIDS
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.detector.memory import FrameMemory

WIDTH, HEIGHT = 60, 44
CAR, DOG = VID_CLASSES.index("car"), VID_CLASSES.index("dog")
VIDEOS: dict[str, list[list[tuple[int, int, int, int, int]]]] = {
    # per frame: (label, x1, y1, x2, y2)
    "ILSVRC2015_val_00000000": [[(CAR, 4 + 3 * t, 8, 24 + 3 * t, 28)] for t in range(4)],
    "ILSVRC2015_val_00000001": [[(DOG, 10, 6 + t, 30, 30 + t), (CAR, 36, 10, 54, 26)] for t in range(3)],
    "ILSVRC2015_val_00001000": [[(DOG, 20, 10, 44, 34)], []],
}
TROUBLES = {
    "val/ILSVRC2015_val_00000000": [[], ["motion_blur"], ["motion_blur", "noise"], []],
    "val/ILSVRC2015_val_00000001": [["occlusion"], [], []],
    "val/ILSVRC2015_val_00001000": [[], []],
}


def write_small_dataset(root: Path, *, troubles: bool = True) -> Path:
    """Write the videos below `root`: plain rectangles on grey. Returns `root`."""
    rows, first = [], 1
    for name, frames in VIDEOS.items():
        annotations, images = root / "Annotations/VID/val" / name, root / "Data/VID/val" / name
        annotations.mkdir(parents=True)
        images.mkdir(parents=True)
        for number, objects in enumerate(frames):
            pixels = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
            for label, x1, y1, x2, y2 in objects:
                pixels[y1:y2, x1:x2] = (200, 40, 40) if label == CAR else (40, 60, 200)
            Image.fromarray(pixels).save(images / f"{number:06d}.JPEG", quality=90)
            (annotations / f"{number:06d}.xml").write_text(_xml(name, number, objects))
        rows.append(f"val/{name} {first} 0 {len(frames)}")
        first += len(frames)
    (root / "Lists").mkdir()
    (root / "Lists/VID_val_videos.txt").write_text("\n".join(rows) + "\n")
    if troubles:
        (root / "troubles.json").write_text(json.dumps(TROUBLES))
    return root


def open_small_dataset(root: Path, *, troubles: bool = True) -> VideoIndex:
    """Write and open the videos."""
    return open_dataset(write_small_dataset(root, troubles=troubles), "val", cache=False, progress=False)


def _xml(name: str, number: int, objects: Sequence[tuple[int, int, int, int, int]]) -> str:
    parts = [
        f"<object><trackid>{i}</trackid><name>{VID_WNIDS[label]}</name><bndbox><xmax>{x2}</xmax><xmin>{x1}</xmin>"
        f"<ymax>{y2}</ymax><ymin>{y1}</ymin></bndbox><occluded>0</occluded><generated>0</generated></object>"
        for i, (label, x1, y1, x2, y2) in enumerate(objects)
    ]
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    head = f"<folder>{name}</folder><filename>{number:06d}</filename><source><database>x</database></source>"
    return f"<annotation>{head}{size}{''.join(parts)}</annotation>"


class KnowingDetector(nn.Module):
    """Answers with the ground truth, moved right by `shift` original pixels; checks what it is given.

    It counts to know where it is: all frames of a video in order, and the references are remembered before the first.
    """

    def __init__(self, index: VideoIndex, size: tuple[int, int] = (66, 90), shift: float = 0.0) -> None:
        super().__init__()
        self.index, self.size, self.shift = index, size, shift
        self.config = DetectorConfig(frame=FrameConfig(90, 66), detection=DetectionConfig(references=5))
        self.weight = nn.Parameter(torch.zeros(()))
        self.video, self.frame, self._new = -1, 0, 0
        self.remembered: list[int] = []
        """Reference frames remembered per video, a repeated one once."""
        self.memories: list[int] = []
        """Frames in the memory of each video."""

    def remember(self, frames: Tensor, image_sizes: Sequence[tuple[int, int]]) -> FrameMemory:
        assert not self.training
        assert frames.shape[1:] == (3, *(-(-side // 16) * 16 for side in self.size))
        assert list(image_sizes) == [self.size] * len(frames)
        if self.video < 0 or self.frame == self.index.videos[self.video].frame_count:
            self.video, self.frame = self.video + 1, 0
        self._new += len(frames)
        return FrameMemory(frames, [torch.zeros(0, 4)] * len(frames), [torch.full((len(frames),), self.video)])

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[tuple[int, int]],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        assert bool((memory.encoded[0] == self.video).all()) and bool((own.encoded[0] == self.video).all())
        references, self._new = self._new - len(own), 0
        if self.frame == 0:
            self.memories.append(len(memory))
            self.remembered.append(references)
        else:
            assert references == 0
        return [self._answer(*each) for each in zip(own.features, image_sizes, scales, strict=True)]

    def _answer(self, frame: Tensor, image_size: tuple[int, int], scale: tuple[float, float]) -> dict[str, Tensor]:
        assert tuple(image_size) == self.size
        height, width = self.size
        assert bool((frame[:, height:] == 0).all())
        assert bool((frame[:, :, width:] == 0).all())
        truth = self.index.annotation(self.video, self.frame)
        self.frame += 1
        resize = torch.tensor([width / WIDTH, height / HEIGHT] * 2)
        boxes = torch.from_numpy(truth.boxes) + torch.tensor([self.shift, 0, self.shift, 0])
        return {
            "boxes": boxes * resize / torch.tensor([*scale, *scale]),
            "scores": torch.full((len(truth.labels),), 0.9),
            "labels": torch.from_numpy(truth.labels),
        }


class FlatDetector(nn.Module):
    """Its C4 map is the mean colour of every 16x16 cell; the auxiliary branch gives the global mean, twice."""

    def __init__(self, auxiliary: bool = True) -> None:
        super().__init__()
        self.config = DetectorConfig(frame=FrameConfig(90, 66))
        self.weight = nn.Parameter(torch.zeros(()))
        self.auxiliary = _Mean() if auxiliary else None

    def extract(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        assert not self.training
        c4 = nn.functional.avg_pool2d(frames, 16)
        return c4, c4


class _Mean(nn.Module):
    def embed(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3)).repeat(1, 2)
