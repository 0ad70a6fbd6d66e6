"""PASCAL VOC 2007 as a `VideoIndex` of still images, through torchvision's reader.

`open_dataset` opens a folder that holds `VOCdevkit/VOC2007` with it; `open_voc(..., download=True)` fetches one first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from xml.etree.ElementTree import ParseError

from torchvision.datasets.voc import DATASET_YEAR_DICT, ET_parse, VOCDetection
from tqdm import tqdm

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
    files = _files(root, part, download)
    records = []
    for name in tqdm(files.annotations, desc="reading VOC 2007", unit="image", delay=1.0, disable=not progress):
        records.append(_record(Path(name)))
    if not records:
        raise DataError.at(root / VOC_FOLDER, f"{part}.txt", "it lists no image", "Unpack the archive again.")
    keys = [(position, 0) for position in range(len(records))] if split == "train" else []
    table = assemble(records, VOC_CLASSES, keys, [Path(image).name for image in files.images])
    images = root / VOC_FOLDER / "JPEGImages"
    return VideoIndex(table, images, images)


def _files(root: Path, part: str, download: bool) -> VOCDetection:
    """torchvision's lists of images and annotations of one part; fetched first if they are missing and asked for."""
    source = DATASET_YEAR_DICT["2007-test" if part == "test" else "2007"]
    listed = (root / VOC_FOLDER / "ImageSets" / "Main" / f"{part}.txt").is_file()
    remedy = f"Unpack {source['filename']} from {source['url']} in that folder, or open it with download=True."
    try:
        return VOCDetection(root, "2007", part, download=download and not listed)
    except (URLError, TimeoutError, ConnectionError) as error:
        remedy = f"On another machine download {source['url']}, and unpack it in that folder."
        raise DataError.at(root, "", f"VOC 2007 cannot be downloaded ({error})", remedy) from error
    except (OSError, RuntimeError) as error:
        raise DataError.at(root, "", f"the {part} part of VOC 2007 is not there ({error})", remedy) from error


def _record(path: Path) -> VideoRecord:
    """One image's objects. VOC counts pixels from 1 and both ends in; boxes here start from 0 and end exclusive."""
    try:
        content = VOCDetection.parse_voc_xml(ET_parse(path).getroot())["annotation"]
        record = VideoRecord(path.stem, True)
        record.start_frame(int(content["size"]["width"]), int(content["size"]["height"]))
        for number, item in enumerate(content.get("object", [])):
            _add(record, item, number)
    except OSError as error:
        raise DataError.at(path, "", f"it cannot be read ({error.strerror})", "Unpack the archive again.") from error
    except (ParseError, KeyError, TypeError, ValueError) as error:
        problem = f"it is no VOC annotation ({type(error).__name__}: {error})"
        raise DataError.at(path, "", problem, "Unpack the archive again.") from error
    return record


def _add(record: VideoRecord, item: dict[str, Any], number: int) -> None:
    if item.get("difficult") == "1":
        record.counts["objects marked difficult, left out"] += 1
        return
    if item["name"] not in VOC_CLASSES:
        raise ValueError(f"{item['name']!r} is no class of VOC")
    box = {side: float(item["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax")}
    corners = (box["xmin"] - 1, box["ymin"] - 1, box["xmax"], box["ymax"])
    record.add_box(corners, VOC_CLASSES.index(item["name"]), number, item.get("occluded") == "1", False)
