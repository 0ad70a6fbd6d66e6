"""One annotation file: `Annotations/VID/<video>/<frame>.xml` or `Annotations/DET/<image>.xml`.

A VID file describes one frame: its size in pixels and one `<object>` per box, with a WordNet id, corners
(integers, 0-based, inclusive), a track id that is unique inside the video, and two flags: occluded, and
generated (1 = interpolated between two boxes drawn by hand). DET files lack the track and the flags.
Elements are found by tag name, never by position (dataset specification, section 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from clab_lite.data.source_file import read_source
from clab_lite.errors import DataError, is_plain

MAX_BYTES = 4_000_000
"""Larger files are refused unread: a real one with a hundred objects holds 40 kB."""

MAX_TAGS = 50_000
"""Files with more are refused unparsed: two thousand objects have fewer."""


@dataclass(frozen=True, slots=True)
class XmlObject:
    """One object as written: nothing clamped, nothing dropped."""

    wnid: str
    """What `<name>` says: a WordNet id in ImageNet, any class name elsewhere."""
    box: tuple[float, float, float, float]
    """(xmin, ymin, xmax, ymax), pixels of the stored frame."""
    track_id: int
    occluded: bool
    generated: bool
    difficult: bool
    """Only VOC marks such objects."""


@dataclass(frozen=True, slots=True)
class XmlAnnotation:
    """One annotation file. Sizes in pixels."""

    width: int
    height: int
    objects: tuple[XmlObject, ...]


def read_annotation(path: Path, *, tracks: bool) -> XmlAnnotation:
    """Read one file.

    Args:
        path: the .xml file.
        tracks: True for VID files, where every object must have a track id. False for DET: object i is
            track i.

    Raises:
        DataError: the file is missing, not a regular file, empty, too large, malformed, declares a document type,
            or a record lacks a number.
    """
    root = _parse(path)
    width, height = (int(_number(root, f"size/{tag}", path, "")) for tag in ("width", "height"))
    if width < 1 or height < 1:
        raise DataError.at(path, "size", f"{width} x {height} pixels", "Restore the file from the dataset.")
    objects = tuple(
        _object(element, path, f"object {position}", position, tracks)
        for position, element in enumerate(root.iterfind("object"))
    )
    return XmlAnnotation(width, height, objects)


def _parse(path: Path) -> ElementTree.Element:
    remedy = "Restore the file from the dataset."
    content = read_source(path, "the annotation", MAX_BYTES, remedy)
    if not content.strip():
        raise DataError.at(path, "", "the annotation is empty", remedy)
    if content.count(b"<") > MAX_TAGS:  # deeply nested ones take microseconds each
        raise DataError.at(path, "", f"the annotation has more than {MAX_TAGS:,} tags", remedy)
    try:
        # Without one there are no entities: no bombs, no files from outside. In all encodings that the parser reads, it
        # is written in ASCII, with zeros in between in UTF-16.
        if b"<!DOCTYPE" in content.replace(b"\0", b""):
            raise ValueError("it declares a document type")
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError.at(path, "", f"the annotation is not usable XML: {error}", remedy) from error


def _object(element: ElementTree.Element, path: Path, record: str, position: int, tracks: bool) -> XmlObject:
    wnid = element.findtext("name", "").strip()
    if not wnid:
        raise DataError.at(path, record, "it has no <name>", "Write its class: a WordNet id, or a name.")
    if not is_plain(wnid):
        raise DataError.at(path, record, f"<name> is {wnid!r}", "Write its class: a WordNet id, or a name.")
    x1, y1, x2, y2 = (_number(element, f"bndbox/{tag}", path, record) for tag in ("xmin", "ymin", "xmax", "ymax"))
    return XmlObject(
        wnid=wnid,
        box=(x1, y1, x2, y2),
        track_id=int(_number(element, "trackid", path, record)) if tracks else position,
        occluded=element.findtext("occluded", "0").strip() == "1",
        generated=element.findtext("generated", "0").strip() == "1",
        difficult=element.findtext("difficult", "0").strip() == "1",
    )


def _number(element: ElementTree.Element, tag: str, path: Path, record: str) -> float:
    text = element.findtext(tag)
    remedy = f"Write a number as <{tag.split('/')[-1]}>."
    if text is None:
        raise DataError.at(path, record, f"it has no <{tag}>", remedy)
    try:
        value = float(text)
    except ValueError as error:
        raise DataError.at(path, record, f"<{tag}> is {text!r}", remedy) from error
    if not math.isfinite(value) or abs(value) > 1e6:
        raise DataError.at(path, record, f"<{tag}> is {text!r}", remedy)
    return value
