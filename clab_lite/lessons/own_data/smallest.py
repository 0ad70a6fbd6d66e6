"""The smallest json of own videos: twelve fields, made from some of the sample videos."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from clab_lite.data.vid import VideoIndex
from clab_lite.files import write_text
from clab_lite.lessons.own_data.fresh import cleared, marked

FIELDS = {
    "categories": {"id": "number of a class, from 1", "name": "its name: any words"},
    "images": {
        "id": "number of the frame, unique in the file",
        "file_name": "from the folder of the json file, or from images/ in it",
        "width": "pixels of the stored frame",
        "height": "pixels of the stored frame",
        "video_id": "which video",
        "frame_id": "which frame of it: 0, 1, 2 ... without gaps",
    },
    "annotations": {
        "image_id": "the frame",
        "category_id": "the class",
        "bbox": "[x, y, width, height] in pixels, from the left upper corner, counted from 0",
        "instance_id": "the same number for the same object in all frames of its video",
    },
}
"""All twelve, by the table that they stand in."""


def field_table() -> pd.DataFrame:
    """The twelve fields and what each means, one row each."""
    rows = [(table, name, text) for table, fields in FIELDS.items() for name, text in fields.items()]
    return pd.DataFrame(rows, columns=["table", "field", "meaning"])


def smallest_json(index: VideoIndex, videos: Sequence[int], labels: Sequence[int]) -> dict[str, Any]:
    """The json of some videos of an index.

    Args:
        videos: positions in the index.
        labels: of the classes that the file lists; they are called "toy dog" and so on, as classes of one's own.
    """
    numbers = {label: number for number, label in enumerate(labels, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, video in enumerate(videos, start=1):
        folder = index.videos[video].name.rpartition("/")[2]
        for frame in range(index.videos[video].frame_count):
            width, height = index.frame_size(video, frame)
            image = {"id": len(images) + 1, "file_name": f"{folder}/{frame}.jpg", "width": width, "height": height}
            images.append({**image, "video_id": number, "frame_id": frame})
            found = index.annotation(video, frame)
            rows = zip(found.boxes.tolist(), found.labels.tolist(), found.track_ids.tolist(), strict=True)
            for (x1, y1, x2, y2), label, track in rows:
                about = {"image_id": len(images), "category_id": numbers[label], "bbox": [x1, y1, x2 - x1, y2 - y1]}
                annotations.append({**about, "instance_id": track})
    categories = [{"id": number, "name": f"toy {index.class_names[label]}"} for label, number in numbers.items()]
    return {"categories": categories, "images": images, "annotations": annotations}


def write_dataset(folder: Path, index: VideoIndex, train: int = 4, val: int = 2) -> Path:
    """Write train.json and val.json about the first videos of an index, and copy their frames beside them.

    Both list the classes that occur in any of these videos.

    An earlier dataset of this function in `folder` is replaced. Returns the folder.

    Raises:
        DataError: the folder holds anything else.
    """
    cleared(folder).mkdir(parents=True, exist_ok=True)
    marked(folder)
    labels = _labels(index, range(train + val))
    for split, videos in (("train", range(train)), ("val", range(train, train + val))):
        content = smallest_json(index, videos, labels)
        for image in content["images"]:
            target = folder / image["file_name"]
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(index.image_path(videos[image["video_id"] - 1], image["frame_id"]), target)
        write_text(folder / f"{split}.json", json.dumps(content) + "\n")
    return folder


def first_entries(folder: Path, split: str = "train") -> str:
    """The first entry of each table of the json, as text."""
    content = json.loads((folder / f"{split}.json").read_text(encoding="utf-8"))
    lines = [f'"{table}": [ {json.dumps(rows[0])}, ... {len(rows)} in all ]' for table, rows in content.items()]
    return "\n".join(lines)


def _labels(index: VideoIndex, videos: Sequence[int]) -> list[int]:
    """Labels that occur, ascending."""
    frames = [(video, frame) for video in videos for frame in range(index.videos[video].frame_count)]
    return sorted({label for place in frames for label in index.annotation(*place).labels.tolist()})
