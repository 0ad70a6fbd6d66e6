"""Read COCO-VID json files, as mmtracking's converters write them (dataset specification, sections 5 and 7).

    categories   id from 1, name
    videos       id, name, vid_train_frames (key frames as mmtracking reads them: one early)
    images       id, file_name, width, height; of a video: video_id, frame_id 0..n-1, is_vid_train_frame
    annotations  image_id, category_id, bbox [x, y, width, height], instance_id, occluded, generated

Images without video_id are still images (`imagenet_det_30plus1cls.json`); those marked `is_vid_train_frame:
false` are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from clab_lite.data.classes import NAME_TO_LABEL, VID_CLASSES
from clab_lite.data.lists import evenly_spaced
from clab_lite.data.table import IndexTable, VideoRecord, assemble
from clab_lite.errors import DataError

DET_FILE = "imagenet_det_30plus1cls.json"
"""Still images, looked for beside the video file."""

OTHER_CLASSES = "other_categeries"
"""mmtracking's name, and spelling, for DET objects outside the 30 classes."""

_Record = dict[str, Any]


def build_table(paths: Sequence[Path], *, key_frames: bool, shift: int, progress: bool) -> IndexTable:
    """Join json files (videos first, still images after) into one table.

    Args:
        paths: the files.
        key_frames: False for validation: there are none.
        shift: added to each 0-based key frame: 0, or -1 for mmtracking's reading.
        progress: show a bar when it takes longer than a second.
    """
    records: list[VideoRecord] = []
    keys: list[tuple[int, int]] = []
    files: list[str] = []
    class_names: tuple[str, ...] | None = None
    for path in paths:
        content = _read(path)
        names, labels = _classes(path, content["categories"])
        if class_names not in (None, names):
            raise DataError.at(path, "categories", "they differ from the video file's", "Use matching files.")
        class_names = names
        boxes = _boxes_by_image(path, content)
        groups = _frames_by_video(path, content)
        for video, images in tqdm(groups, desc=f"reading {path.name}", delay=1.0, disable=not progress):
            records.append(_record(path, video, images, boxes, labels))
            files += [image["file_name"] for image in images]
            if key_frames:
                keys += [(len(records) - 1, frame) for frame in _key_frames(video, images, shift)]
    if not records or class_names is None:
        raise DataError.at(paths[0], "images", "the file lists no image", "Use a file with images.")
    return assemble(records, class_names, keys, None if _follows_pattern(records, files) else files)


def image_folders(path: Path, table: IndexTable) -> tuple[Path, Path]:
    """Where file names start, for videos and for still images.

    The places where ILSVRC keeps its frames and the json's own folder are tried with the first file.
    """

    def first(candidates: list[Path], still: bool) -> Path:
        position = next((v for v, flag in enumerate(table.is_still) if bool(flag) == still), None)
        if position is None:
            return candidates[0]
        name = table.names[position]
        file_name = f"{name}.JPEG" if still else f"{name}/000000.JPEG"
        if table.file_names is not None:
            file_name = table.file_names[int(table.frame_starts[position])]
        return next((folder for folder in candidates if (folder / file_name).is_file()), candidates[0])

    here, above = path.parent, path.parent.parent
    tails = ("Data/VID", "Data/DET")
    video, still = ([above / tail, here / tail, here, above] for tail in tails)
    return first(video, still=False), first(still, still=True)


def _read(path: Path) -> dict[str, list[_Record]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError.at(path, "", f"it cannot be read ({error.strerror})", "Check the path.") from error
    except ValueError as error:
        raise DataError.at(path, "", f"it is not JSON: {error}", "Write the file again.") from error
    if not isinstance(content, dict):
        raise DataError.at(path, "", "it is not a COCO-VID object", "It needs categories, images, annotations.")
    content.setdefault("videos", [])
    for key in ("categories", "videos", "images", "annotations"):
        if not isinstance(content.get(key), list):
            raise DataError.at(path, "", f"it has no list {key!r}", "It needs categories, images, annotations.")
    return content


def _classes(path: Path, categories: list[_Record]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Class names, and label by category id. ImageNet VID names get their 30 labels, other sets their id order."""
    names = {_get(path, "categories", c, "id"): str(_get(path, "categories", c, "name")) for c in categories}
    if all(name in NAME_TO_LABEL or name == OTHER_CLASSES for name in names.values()):
        return VID_CLASSES, {i: NAME_TO_LABEL[name] for i, name in names.items() if name in NAME_TO_LABEL}
    ordered = sorted(names)
    return tuple(names[i] for i in ordered), {i: label for label, i in enumerate(ordered)}


def _boxes_by_image(path: Path, content: dict[str, list[_Record]]) -> dict[int, list[_Record]]:
    by_image: dict[int, list[_Record]] = {
        _get(path, f"image {position}", image, "id"): [] for position, image in enumerate(content["images"])
    }
    if len(by_image) != len(content["images"]):
        raise DataError.at(path, "images", "two images share an id", "Give each its own.")
    for position, annotation in enumerate(content["annotations"]):
        record = f"annotation {annotation.get('id', position)}"
        image_id = _get(path, record, annotation, "image_id")
        if image_id not in by_image:
            raise DataError.at(path, record, f"image {image_id} does not exist", "Remove it, or add the image.")
        by_image[image_id].append(annotation)
    return by_image


def _frames_by_video(path: Path, content: dict[str, list[_Record]]) -> list[tuple[_Record, list[_Record]]]:
    """(video, its images by frame) in file order, then each still image as its own video."""
    videos: dict[int, tuple[_Record, list[_Record]]] = {
        _get(path, f"video {i}", video, "id"): (video, []) for i, video in enumerate(content["videos"])
    }
    stills: list[tuple[_Record, list[_Record]]] = []
    for image in content["images"]:
        record = f"image {image['id']}"
        name = _get(path, record, image, "file_name")
        video_id = image.get("video_id")
        if video_id is None:
            if image.get("is_vid_train_frame", True):
                stills.append(({"name": name.removesuffix(".JPEG"), "still": True}, [image]))
        elif video_id in videos:
            videos[video_id][1].append(image)
        else:
            raise DataError.at(path, record, f"video {video_id} does not exist", "Remove it, or add the video.")
    for video, images in videos.values():
        images.sort(key=lambda image: _get(path, f"image {image['id']}", image, "frame_id"))
        found = [image["frame_id"] for image in images]
        if found != list(range(len(found))) or not found:
            gap = next((i for i, frame in enumerate(found) if frame != i), len(found))
            problem = f"frame {gap} is missing or given twice"
            raise DataError.at(path, f"video {video.get('name')}", problem, "frame_id must run 0, 1, 2, ...")
    return [*videos.values(), *stills]


def _record(
    path: Path, video: _Record, images: list[_Record], boxes: dict[int, list[_Record]], labels: dict[int, int]
) -> VideoRecord:
    place = f"image {images[0]['id']}"
    width, height = (int(_get(path, place, images[0], key)) for key in ("width", "height"))
    name = str(_get(path, "videos", video, "name"))
    record = VideoRecord(name, bool(video.get("still")), width, height)
    for image in images:
        kept = 0
        for annotation in boxes[image["id"]]:
            label = labels.get(annotation.get("category_id", -1))
            if label is None:
                record.counts["objects of other classes, skipped"] += 1
                continue
            track = kept if record.is_still else int(annotation.get("instance_id", -1))
            flags = bool(annotation.get("occluded")), bool(annotation.get("generated"))
            record.add_box(_corners(path, annotation), label, track, *flags)
            kept += 1
        record.boxes_per_frame.append(kept)
    return record


def _corners(path: Path, annotation: _Record) -> tuple[float, float, float, float]:
    bbox = annotation.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
        record = f"annotation {annotation.get('id')}"
        raise DataError.at(path, record, f"bbox is {bbox!r}", "Write four numbers: x, y, width, height.")
    x, y, width, height = bbox
    return x, y, x + width, y + height


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _key_frames(video: _Record, images: list[_Record], shift: int) -> list[int]:
    """0-based key frames plus `shift`.

    mmtracking's converter writes them one early, so one is added back. It can never write a video's last
    frame: a file that lists it counts from 0 already.
    """
    if video.get("still"):
        return [0]
    listed = video.get("vid_train_frames") or [
        frame for frame, image in enumerate(images) if image.get("is_vid_train_frame")
    ]
    if not listed:
        return [frame + shift for frame in evenly_spaced(len(images)) if frame + shift >= 0]
    one_early = max(listed) < len(images) - 1
    shifted = (int(frame) + one_early + shift for frame in listed)
    return [frame for frame in shifted if 0 <= frame < len(images)]


def _follows_pattern(records: list[VideoRecord], files: list[str]) -> bool:
    position = 0
    for record in records:
        for frame in range(len(record.boxes_per_frame)):
            expected = f"{record.name}.JPEG" if record.is_still else f"{record.name}/{frame:06d}.JPEG"
            if files[position] != expected:
                return False
            position += 1
    return True


def _get(path: Path, record: str, item: _Record, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise DataError.at(path, record, f"it has no {key!r}", "See the COCO-VID fields in the documentation.")
    return item[key]
