"""PASCAL VOC 2007 as a `VideoIndex` of still images. torchvision knows where to fetch it, and is asked for no more.

`open_dataset` opens a folder that holds `VOCdevkit/VOC2007` with it; `open_voc(..., download=True)` fetches one first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torchvision.datasets.voc import DATASET_YEAR_DICT, VOCDetection
from tqdm import tqdm

from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.lists import rows
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError

VOC_CLASSES: tuple[str, ...] = (
    "person", "bird", "cat", "cow", "dog", "horse", "sheep", "aeroplane", "bicycle", "boat", "bus", "car",
    "motorbike", "train", "bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor",
)  # fmt: skip
"""In the label order of the ranked-crops report."""

VOC_FOLDER = Path("VOCdevkit") / "VOC2007"


def holds_voc(path: Path) -> bool:
    """Whether a folder holds an unpacked VOC 2007."""
    return (path / VOC_FOLDER / "Annotations").is_dir()


def open_voc(
    path: str | Path, split: Literal["train", "val"] = "train", *, download: bool = False, progress: bool = True
) -> VideoIndex:
    """VOC 2007: "train" is its trainval part (5011 images), "val" its test part (4952).

    Objects marked difficult are left out: without them 32 images hold about 80 objects, as the report says. Every
    image is a key frame of "train"; an object's track is its position in the image.

    Args:
        path: the folder that holds VOCdevkit.
        split: which part.
        download: fetch the part (about 450 MB) into the folder when it is not there.
        progress: show a bar while reading.

    Raises:
        DataError: it is not there and cannot be fetched, or a file is missing or malformed.
    """
    root, part = Path(path), "trainval" if split == "train" else "test"
    base = root / VOC_FOLDER
    names = _names(root, part, download)
    records = []
    for name in tqdm(names, desc="reading VOC 2007", unit="image", delay=1.0, disable=not progress):
        records.append(_record(base / "Annotations" / f"{name}.xml"))
    if not records:
        raise DataError.at(base, f"{part}.txt", "it lists no image", "Unpack the archive again.")
    keys = [(position, 0) for position in range(len(records))] if split == "train" else []
    table = assemble(records, VOC_CLASSES, keys, [f"{name}.jpg" for name in names])
    return VideoIndex(table, base / "JPEGImages", base / "JPEGImages")


def _names(root: Path, part: str, download: bool) -> list[str]:
    """The images that the list of a part names; fetched first, by torchvision, if it is missing and asked for."""
    source = DATASET_YEAR_DICT["2007-test" if part == "test" else "2007"]
    path = root / VOC_FOLDER / "ImageSets" / "Main" / f"{part}.txt"
    if download and not path.is_file():
        try:
            VOCDetection(root, "2007", part, download=True)
        except (OSError, RuntimeError) as error:  # URLError and its like are OSErrors
            remedy = f"On another machine download {source['url']}, and unpack it in that folder."
            raise DataError.at(root, "", f"VOC 2007 cannot be downloaded ({error})", remedy) from error
    if not path.is_file():
        remedy = f"Unpack {source['filename']} from {source['url']} in that folder, or open it with download=True."
        raise DataError.at(root, "", f"the {part} part of VOC 2007 is not there ({path} is missing)", remedy)
    return [fields[0] for _, fields in rows(path, 1)]


def _record(path: Path) -> VideoRecord:
    """One image's objects. VOC counts pixels from 1 and both ends in; boxes here start from 0 and end exclusive."""
    content = read_annotation(path, tracks=False)
    record = VideoRecord(path.stem, True)
    record.start_frame(content.width, content.height)
    for item in content.objects:
        if item.difficult:
            record.counts["objects marked difficult, left out"] += 1
            continue
        if item.wnid not in VOC_CLASSES:
            place, remedy = f"object {item.track_id}", "Unpack the archive again."
            raise DataError.at(path, place, f"{item.wnid!r} is no class of VOC", remedy)
        x1, y1, x2, y2 = item.box
        label = VOC_CLASSES.index(item.wnid)
        record.add_box((x1 - 1, y1 - 1, x2, y2), label, item.track_id, item.occluded, False)
    return record
