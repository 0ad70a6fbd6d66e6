"""The records of a COCO-VID or COCO json file: ids are unique, and what they point to exists."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from clab_lite.data.class_list import require_few
from clab_lite.data.coco_faults import Faults, report
from clab_lite.data.json_fields import MAX_ID, MAX_PIXELS, Fields, is_whole
from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError


class CocoCategory(NamedTuple):
    """One class."""

    id: int
    name: str


class CocoVideo(NamedTuple):
    """One video."""

    id: int
    name: str
    listed_key_frames: list[int]
    """`vid_train_frames`, as written."""


class CocoImage(NamedTuple):
    """One frame of a video, or a still image. Sizes in pixels."""

    id: int
    file_name: str
    width: int
    height: int
    video_id: int | None
    """None: a still image."""
    frame_id: int
    is_key_frame: bool | None
    """`is_vid_train_frame`; None when the file does not tell."""
    annotated: bool = True
    """False: nobody has drawn its objects."""


class CocoAnnotation(NamedTuple):
    """One object."""

    image_id: int
    category_id: int
    box: tuple[float, float, float, float]
    """(x1, y1, x2, y2) pixels."""
    track_id: int
    """`instance_id`; -1 when the file does not tell."""
    occluded: bool
    generated: bool
    crowd: bool
    """`iscrowd`: the box is around a group that nobody has told apart."""
    area: float
    """Pixels² of the object itself, less than its box when it was drawn as a mask; NaN when the file does not tell."""


@dataclass(frozen=True)
class CocoFile:
    """All records of a file. Ids are unique, and what they point to exists (or was left out with the bad records)."""

    categories: dict[int, CocoCategory]
    videos: dict[int, CocoVideo]
    images: dict[int, CocoImage]
    annotations: list[CocoAnnotation]


def read_file(path: Path, faults: Faults | None = None) -> CocoFile:
    """Read the four lists of a file. Without "videos", each `video_id` that an image gives is a video.

    Args:
        path: the .json file.
        faults: bad records are noted in it and left out; without it the first is raised.

    Raises:
        DataError: names the record, or says why the file is none of this kind.
    """
    content = read_json(path, "Write the file again.")
    remedy = "It needs categories, images, annotations."
    if not isinstance(content, dict):
        raise DataError.at(path, "", "it is not a COCO-VID object", remedy)
    lists = {"videos": _implied_videos(content.get("images")), **content}
    for key in ("categories", "videos", "images", "annotations"):
        if not isinstance(lists.get(key), list):
            raise DataError.at(path, "", f"it has no list {key!r}", remedy)

    def records(title: str, key: str, make: Callable[[Fields], _Made]) -> Iterator[_Made]:
        return _records(path, title, lists[key], make, faults)

    def targets(title: str, found: dict[int, _Identified]) -> Container[int] | None:
        return found if faults is None else faults.targets(title, found)

    categories = _by_id(path, "category", records("category", "categories", _category), faults)
    require_few(path, len(categories))
    videos = _by_id(path, "video", records("video", "videos", _video), faults)
    _refuse_same_names(path, "category", categories.values(), faults)
    _refuse_same_names(path, "video", videos.values(), faults)
    known = targets("video", videos)
    images = _by_id(path, "image", records("image", "images", lambda fields: _image(fields, known)), faults)
    both = targets("image", images), targets("category", categories)
    annotations = list(records("annotation", "annotations", lambda fields: _annotation(fields, *both)))
    return CocoFile(categories, videos, images, annotations)


def _implied_videos(images: object) -> list[dict[str, Any]]:
    """The videos of a file that does not list them, in the order of their first image.

    A video has the name of the folder that holds its frames and no others, else "video_" and its id.
    """
    folders: dict[int, set[str]] = {}
    for image in images if isinstance(images, list) else []:
        if isinstance(image, dict) and is_whole(image.get("video_id")):
            folder = str(image.get("file_name")).rpartition("/")[0]
            folders.setdefault(image["video_id"], set()).add(folder)
    uses = Counter(folder for names in folders.values() for folder in names)
    videos = []
    for video_id, names in folders.items():
        own = next(iter(names)) if len(names) == 1 else ""
        videos.append({"id": video_id, "name": own if own and uses[own] == 1 else f"video_{video_id}"})
    return videos


_Made = TypeVar("_Made")
_Identified = TypeVar("_Identified", CocoCategory, CocoVideo, CocoImage)


def _records(
    path: Path, title: str, items: list[Any], make: Callable[[Fields], _Made], faults: Faults | None
) -> Iterator[_Made]:
    for position, item in enumerate(items):
        try:
            if not isinstance(item, dict):
                problem = f"it is {reprlib.repr(item)}, not an object"
                raise DataError.at(path, f"{title} {position}", problem, "Write the file again.")
            record = make(Fields(path, title, position, item))
        except DataError as error:
            report(error, faults)
            if faults is not None:
                faults.leave_out(title, item if isinstance(item, dict) else None)
            continue
        yield record


def _by_id(path: Path, title: str, records: Iterable[_Identified], faults: Faults | None) -> dict[int, _Identified]:
    found: dict[int, _Identified] = {}
    again: list[_Identified] = []
    for record in records:
        if record.id in found:
            report(DataError.at(path, f"{title} {record.id}", "two share this id", "Give each its own."), faults)
            again.append(record)
        else:
            found[record.id] = record
    if faults is not None:  # nobody can tell which of the two is meant
        first = [found.pop(identity) for identity in {record.id for record in again}]
        for record in first + again:
            faults.shared.add((title, record.id))
            faults.leave_out(title, record._asdict())
    return found


def _refuse_same_names(
    path: Path, title: str, records: Iterable[CocoCategory | CocoVideo], faults: Faults | None
) -> None:
    first: dict[str, int] = {}
    for record in records:
        if first.setdefault(record.name, record.id) != record.id:
            problem = f"its name {record.name!r} is also that of {title} {first[record.name]}"
            report(DataError.at(path, f"{title} {record.id}", problem, "Give each its own name."), faults)


def _category(fields: Fields) -> CocoCategory:
    return CocoCategory(fields.identity("id"), fields.text("name"))


def _video(fields: Fields) -> CocoVideo:
    return CocoVideo(fields.identity("id"), fields.file_name("name"), fields.integers("vid_train_frames"))


def _image(fields: Fields, videos: Container[int] | None) -> CocoImage:
    video_id = None if fields.values.get("video_id") is None else fields.identity("video_id")
    if video_id is not None and videos is not None and video_id not in videos:
        raise fields.points_nowhere(f"video {video_id}")
    marked = fields.values.get("is_vid_train_frame") is not None
    return CocoImage(
        id=fields.identity("id"),
        file_name=fields.file_name("file_name"),
        width=fields.integer("width", 1, MAX_PIXELS),
        height=fields.integer("height", 1, MAX_PIXELS),
        video_id=video_id,
        frame_id=0 if video_id is None else fields.integer("frame_id", 0, MAX_ID),
        is_key_frame=fields.flag("is_vid_train_frame") if marked else None,
        annotated=fields.flag("annotated", default=True),
    )


def _annotation(fields: Fields, images: Container[int] | None, categories: Container[int] | None) -> CocoAnnotation:
    image_id, category_id = fields.identity("image_id"), fields.identity("category_id")
    if images is not None and image_id not in images:
        raise fields.points_nowhere(f"image {image_id}")
    if categories is not None and category_id not in categories:
        raise fields.points_nowhere(f"category {category_id}")
    return CocoAnnotation(
        image_id=image_id,
        category_id=category_id,
        box=fields.bbox(),
        track_id=fields.integer("instance_id", -MAX_ID, MAX_ID, default=-1),
        occluded=fields.flag("occluded"),
        generated=fields.flag("generated"),
        crowd=fields.flag("iscrowd"),
        area=fields.area(),
    )
