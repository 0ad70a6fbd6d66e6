"""The classes of an ILSVRC folder: its `classes.txt`, else the 30 of ImageNet VID, else the names found in it.

`classes.txt` has one class per line, in label order, written as in the `<name>` of the annotation files. One of the 30
may be given by its name or its WordNet id, and is found under both. Without the file, a folder in which no object is
one of the 30 has the classes that its two splits show, sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.classes import NAME_TO_LABEL, VID_CLASSES, VID_WNIDS, WNID_TO_LABEL
from clab_lite.data.lists import Listing, annotation_files
from clab_lite.data.source_file import read_source
from clab_lite.errors import DataError, is_plain

CLASSES_FILE = "classes.txt"
"""In the dataset's folder."""

MAX_BYTES = 10_000_000

MAX_CLASSES = 32_767
"""No dataset has more: labels are stored in 16 bits."""


@dataclass(frozen=True)
class ClassList:
    """The classes of a folder."""

    names: tuple[str, ...]
    """In label order."""
    labels: Mapping[str, int]
    """The label of what annotation files write as `<name>`."""


VID = ClassList(VID_CLASSES, WNID_TO_LABEL)
"""The 30 classes, under their WordNet ids."""


def read_classes(root: Path) -> ClassList | None:
    """The classes that `classes.txt` lists; None without the file.

    Raises:
        DataError: it is not text, empty, or names a class twice.
    """
    path = root / CLASSES_FILE
    if not path.exists():
        return None
    try:
        text = read_source(path, "the class list", MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError.at(path, "", "it is not UTF-8 text", "Write one class name per line.") from error
    names: list[str] = []
    labels: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not (word := line.strip()):
            continue
        if not is_plain(word):
            raise DataError.at(
                path, f"line {number}", f"{word!r} is no name of a class", "Write one that can be shown."
            )
        position = WNID_TO_LABEL.get(word, NAME_TO_LABEL.get(word))
        name = word if position is None else VID_CLASSES[position]
        if name in labels:
            raise DataError.at(path, f"line {number}", f"{word!r} is listed a second time", "Remove one of the lines.")
        labels[name] = len(names)
        if position is not None:
            labels[VID_WNIDS[position]] = len(names)
        names.append(name)
    if not names:
        raise DataError.at(path, "", "it lists no class", "Write one class name per line, or delete the file.")
    require_few(path, len(names))
    return ClassList(tuple(names), labels)


def find_classes(root: Path, listings: Iterable[Listing], *, progress: bool = False) -> tuple[ClassList, int]:
    """The classes of a folder without `classes.txt`, from its annotation files, and how many listings were read.

    The first object of the 30 ends the search: the full ImageNet VID costs a few files.

    Args:
        root: the ILSVRC folder.
        listings: of both splits, the one to open first. The result is the same in either order.
        progress: show a bar when it takes longer than a second.
    """
    found: set[str] = set()
    count = 0
    for listing in listings:
        count += 1
        videos = tqdm(listing.names, desc="reading class names", unit="video", delay=1.0, disable=not progress)
        for name in _names(root, videos):
            if name in WNID_TO_LABEL:
                return VID, count
            found.add(name)
    require_few(root / "Annotations/VID", len(found))
    names = tuple(sorted(found))
    return (ClassList(names, {name: label for label, name in enumerate(names)}) if names else VID), count


def require_few(path: Path, count: int) -> None:
    """Raise a DataError when there are more classes than labels; `path` is where they come from."""
    if count > MAX_CLASSES:
        raise DataError.at(path, "", f"it has {count:,} classes", f"Use at most {MAX_CLASSES:,} different names.")


def _names(root: Path, videos: Iterable[str]) -> Iterator[str]:
    """What the objects of some videos are called. Missing files are for the reader of the video to find."""
    for video in videos:
        for path in annotation_files(root, video):
            for item in read_annotation(path, tracks=False).objects:
                yield item.wnid
