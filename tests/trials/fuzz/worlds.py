"""Small valid datasets as trees of bytes, from the writers of the project and of its tests."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from own_data import documented_json, write_json_dataset
from PIL import Image
from voc_folder import CAT, write_voc

from clab_lite.data.world import WorldConfig, make_world


def tree_of(write: Callable[[Path], object]) -> dict[str, bytes]:
    """All files that a writer leaves below a folder."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "made"
        write(root)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@cache
def ilsvrc_tree() -> dict[str, bytes]:
    """Two videos to train on and one to validate on, two frames each, and two still images."""
    config = WorldConfig(
        width=48, height=48, train_videos=2, val_videos=1, train_frames=2, val_frames=2, classes=("car", "dog")
    )
    tree = tree_of(lambda root: make_world(root, config, progress=False))
    xml = next(content for name, content in tree.items() if name.endswith(".xml"))
    image = next(content for name, content in tree.items() if name.endswith(".JPEG"))
    for number in range(2):
        tree[f"Annotations/DET/train/a/{number}.xml"], tree[f"Data/DET/train/a/{number}.JPEG"] = xml, image
    tree["Lists/DET_train_30classes.txt"] = b"train/a/0 1\ntrain/a/1 1\n"
    return tree


@cache
def json_tree() -> dict[str, bytes]:
    """The documented train.json of videos, a val.json of still images, and their pictures."""
    stills = documented_json()
    stills.pop("videos", None)
    for image in stills["images"]:
        image.pop("video_id", None)
        image.pop("frame_id", None)
    tree = tree_of(lambda root: write_json_dataset(root, documented_json(), stills))
    for number, image in enumerate(stills["images"]):  # pictures of its own: none is trained on
        image["file_name"] = f"val_{image['file_name']}"
        colour = Image.new("RGB", (image["width"], image["height"]), (30 * number, 90, 60))
        tree[image["file_name"]] = _saved(colour, "JPEG")
    return tree | {"val.json": as_json(stills)}


@cache
def voc_tree() -> dict[str, bytes]:
    """Three images of VOC 2007."""
    hard = CAT.replace("<difficult>0", "<difficult>1").replace("cat", "sofa")
    return tree_of(lambda root: write_voc(root, {"000005": CAT + hard, "000007": "", "000009": CAT}))


def some(tree: dict[str, bytes], ending: str) -> list[bytes]:
    """The contents of the files of one kind."""
    return [content for name, content in tree.items() if name.endswith(ending)]


@cache
def pictures() -> tuple[bytes, ...]:
    """JPEG and PNG files of every kind that is read, and some that are not."""
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    deep = Image.fromarray(np.arange(24 * 32, dtype=np.uint16).reshape(24, 32))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "turned"
    return (
        _saved(colours, "JPEG", quality=80, exif=exif),
        _saved(colours, "JPEG", progressive=True),
        _saved(colours.convert("CMYK"), "JPEG"),
        _saved(colours.convert("L"), "JPEG"),
        _saved(colours, "PNG"),
        _saved(colours.convert("P"), "PNG", transparency=3),
        _saved(colours.convert("RGBA"), "PNG", icc_profile=b"profile" * 20),
        _saved(colours.convert("1"), "PNG"),
        _saved(deep, "PNG"),
        _saved(colours, "PNG", save_all=True, append_images=[colours.rotate(90)]),
        _saved(colours, "GIF"),
        _saved(colours, "TIFF"),
    )


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def as_json(content: object) -> bytes:
    """One json file."""
    return json.dumps(content).encode()
