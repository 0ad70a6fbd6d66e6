"""A small ILSVRC tree that each test may spoil in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48


@dataclass(frozen=True)
class Tree:
    """root holds 2 training snippets of one source, 1 of another, and 1 validation video; 5 frames each."""

    root: Path

    def xml(self, video: str, frame: int) -> Path:
        return self.root / "Annotations/VID" / video / f"{frame:06d}.xml"

    def jpeg(self, video: str, frame: int) -> Path:
        return self.root / "Data/VID" / video / f"{frame:06d}.JPEG"


TRAIN = [f"train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_0000{number}" for number in ("0000", "0001", "1000")]
VAL = "val/ILSVRC2015_val_00000000"


def object_xml(wnid="n02958343", box=(10, 5, 30, 25), track="0", occluded=0, generated=0) -> str:
    x1, y1, x2, y2 = box
    track_text = "" if track is None else f"<trackid>{track}</trackid>"
    corners = f"<xmax>{x2}</xmax><xmin>{x1}</xmin><ymax>{y2}</ymax><ymin>{y1}</ymin>"
    flags = f"<occluded>{occluded}</occluded><generated>{generated}</generated>"
    return f"<object>{track_text}<name>{wnid}</name><bndbox>{corners}</bndbox>{flags}</object>"


def annotation_xml(*objects: str, width=WIDTH, height=HEIGHT) -> str:
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    return f"<annotation><folder>f</folder>{size}{''.join(objects)}</annotation>"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_jpeg(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((WIDTH, HEIGHT)).save(path, format="JPEG", quality=90)


def make_tree(root: Path) -> Tree:
    """Write the tree."""
    made = Tree(root)
    for number, video in enumerate([*TRAIN, VAL]):
        for frame in range(5):
            box = (10 + frame, 5, 30 + frame, 25)
            write(made.xml(video, frame), annotation_xml(object_xml(box=box, track=str(number))))
            write_jpeg(made.jpeg(video, frame), seed=10 * number + frame)
    rows = [f"{video} 1 {frame} 5" for video in TRAIN for frame in range(5)]
    write(made.root / "Lists/VID_train_15frames.txt", "\n".join(rows) + "\n")
    write(made.root / "Lists/VID_val_videos.txt", f"{VAL} 1 0 5")
    return made
