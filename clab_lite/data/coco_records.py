"""The records of a COCO-VID json file, every field checked for its type and range before it is used."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar

from clab_lite.data.source_file import leaves_folder, read_json
from clab_lite.errors import DataError

MAX_PIXELS = 1_000_000
"""No coordinate or side is larger, as in the XML files."""

_MAX_ID = 2**63 - 1


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


@dataclass(frozen=True)
class Fields:
    """One json object and the way to its fields: each getter gives the type it says, or raises a DataError."""

    path: Path
    title: str
    """What it is: "annotation"."""
    position: int
    """In its list."""
    values: dict[str, Any]

    @property
    def record(self) -> str:
        """Its place in the file, for messages: "annotation 7" (its id if it has one, else its position)."""
        return f"{self.title} {reprlib.repr(self.values.get('id', self.position))}"

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from low to high; without a default the field must be there and not null."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not _is_whole(value) or not low <= value <= high:
            raise self.error(key, "a whole number" + (f" from {low} to {high}" if high < _MAX_ID else ""))
        return value

    def identity(self, key: str) -> int:
        """An id: any whole number."""
        return self.integer(key, -_MAX_ID, _MAX_ID)

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, "a text")
        return value

    def file_name(self, key: str) -> str:
        """A name below the image folder."""
        name = self.text(key)
        if leaves_folder(name):
            raise self.error(key, "a name that stays below the image folder")
        return name

    def integers(self, key: str) -> list[int]:
        """A list of whole numbers; empty when there is none."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(_is_whole(item) and abs(item) < _MAX_ID for item in value):
            raise self.error(key, "a list of whole numbers")
        return value

    def bbox(self) -> tuple[float, float, float, float]:
        """`bbox` [x, y, width, height] as (x1, y1, x2, y2)."""
        value = self.values.get("bbox")
        if not isinstance(value, list) or len(value) != 4 or not all(_is_coordinate(item) for item in value):
            raise self.error("bbox", f"four numbers up to {MAX_PIXELS}: x, y, width, height")
        x, y, width, height = value
        return x, y, x + width, y + height

    def error(self, key: str, wanted: str) -> DataError:
        """The error for a field that is missing or not what is wanted."""
        problem = f"{key} is {reprlib.repr(self.values[key])}" if key in self.values else f"it has no {key!r}"
        return DataError.at(self.path, self.record, problem, f"Write {wanted}.")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_coordinate(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_PIXELS


def report(error: DataError, problems: list[str] | None) -> None:
    """Append it to the list; without a list, raise it."""
    if problems is None:
        raise error
    problems.append(str(error))


@dataclass(frozen=True)
class CocoFile:
    """All records of a file. Ids are unique, and what they point to exists."""

    categories: dict[int, CocoCategory]
    videos: dict[int, CocoVideo]
    images: dict[int, CocoImage]
    annotations: list[CocoAnnotation]


def read_file(path: Path, problems: list[str] | None = None) -> CocoFile:
    """Read the four lists of a file; only "videos" may be missing.

    Args:
        path: the .json file.
        problems: given a list, bad records are appended to it and left out; without one the first is raised.

    Raises:
        DataError: names the record, or says why the file is none of this kind.
    """
    content = read_json(path, "Write the file again.")
    remedy = "It needs categories, images, annotations."
    if not isinstance(content, dict):
        raise DataError.at(path, "", "it is not a COCO-VID object", remedy)
    lists = {"videos": [], **content}
    for key in ("categories", "videos", "images", "annotations"):
        if not isinstance(lists.get(key), list):
            raise DataError.at(path, "", f"it has no list {key!r}", remedy)

    def records(title: str, key: str, make: Callable[[Fields], _Made]) -> Iterator[_Made]:
        return _records(path, title, lists[key], make, problems)

    categories = _by_id(path, "category", records("category", "categories", _category), problems)
    videos = _by_id(path, "video", records("video", "videos", _video), problems)
    known = None if problems else videos  # where some were left out, pointing to them is no second problem
    images = _by_id(path, "image", records("image", "images", lambda fields: _image(fields, known)), problems)
    targets = None if problems else images
    annotations = list(records("annotation", "annotations", lambda fields: _annotation(fields, targets)))
    return CocoFile(categories, videos, images, annotations)


_Made = TypeVar("_Made")
_Identified = TypeVar("_Identified", CocoCategory, CocoVideo, CocoImage)


def _records(
    path: Path, title: str, items: list[Any], make: Callable[[Fields], _Made], problems: list[str] | None
) -> Iterator[_Made]:
    for position, item in enumerate(items):
        try:
            if not isinstance(item, dict):
                problem = f"it is {reprlib.repr(item)}, not an object"
                raise DataError.at(path, f"{title} {position}", problem, "Write the file again.")
            record = make(Fields(path, title, position, item))
        except DataError as error:
            report(error, problems)
            continue
        yield record


def _by_id(
    path: Path, title: str, records: Iterable[_Identified], problems: list[str] | None
) -> dict[int, _Identified]:
    found: dict[int, _Identified] = {}
    for record in records:
        if record.id in found:
            report(DataError.at(path, f"{title} {record.id}", "two share this id", "Give each its own."), problems)
        found[record.id] = record
    return found


def _category(fields: Fields) -> CocoCategory:
    return CocoCategory(fields.identity("id"), fields.text("name"))


def _video(fields: Fields) -> CocoVideo:
    return CocoVideo(fields.identity("id"), fields.file_name("name"), fields.integers("vid_train_frames"))


def _image(fields: Fields, videos: Container[int] | None) -> CocoImage:
    video_id = None if fields.values.get("video_id") is None else fields.identity("video_id")
    if video_id is not None and videos is not None and video_id not in videos:
        raise DataError.at(
            fields.path, fields.record, f"video {video_id} does not exist", "Remove it, or add the video."
        )
    marked = fields.values.get("is_vid_train_frame")
    return CocoImage(
        id=fields.identity("id"),
        file_name=fields.file_name("file_name"),
        width=fields.integer("width", 1, MAX_PIXELS),
        height=fields.integer("height", 1, MAX_PIXELS),
        video_id=video_id,
        frame_id=0 if video_id is None else fields.integer("frame_id", 0, _MAX_ID),
        is_key_frame=None if marked is None else bool(marked),
    )


def _annotation(fields: Fields, images: Container[int] | None) -> CocoAnnotation:
    image_id = fields.identity("image_id")
    if images is not None and image_id not in images:
        raise DataError.at(
            fields.path, fields.record, f"image {image_id} does not exist", "Remove it, or add the image."
        )
    return CocoAnnotation(
        image_id=image_id,
        category_id=fields.identity("category_id"),
        box=fields.bbox(),
        track_id=fields.integer("instance_id", -_MAX_ID, _MAX_ID, default=-1),
        occluded=bool(fields.values.get("occluded")),
        generated=bool(fields.values.get("generated")),
    )
