"""The ILSVRC layout as it lies on disk: its tree, one annotation file, its class ids and its list files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
from pandas.io.formats.style import Styler

from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.classes import VID_CLASSES, VID_WNIDS
from clab_lite.data.lists import find_list
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError

_MEANINGS = {
    "folder": "the video this frame belongs to",
    "filename": "the frame, counted from 0",
    "source/database": "who published it",
    "size/width": "of the picture, pixels",
    "size/height": "of the picture, pixels",
    "object/trackid": "the same object keeps this number in the whole video",
    "object/name": "the class, as a WordNet id",
    "object/bndbox/xmax": "last pixel column of the object",
    "object/bndbox/xmin": "first pixel column of the object",
    "object/bndbox/ymax": "last pixel row of the object",
    "object/bndbox/ymin": "first pixel row of the object",
    "object/occluded": "1: partly hidden behind something",
    "object/generated": "1: interpolated between two frames drawn by hand",
}
_LISTS = (
    ("VID_train_15frames.txt", "video · always 1, unused · key frame · frames in the video", "key frames to train on"),
    ("train_1.txt", "video · always 1, unused", "training videos that show the first class (of 30), label 0"),
    ("VID_val_videos.txt", "video · number of its first frame · 0 · frames", "validation videos"),
    ("val.txt", "frame · its number", "validation frames"),
)


def dataset_root(index: VideoIndex) -> Path:
    """The folder that holds Annotations/, Data/, ImageSets/ and Lists/ of an ILSVRC dataset."""
    root = index.video_root.parent.parent
    if not (root / "Annotations" / "VID").is_dir():
        raise DataError.at(root, "", "it has no Annotations/VID", "Open a folder in the ILSVRC layout.")
    return root


def annotation_path(index: VideoIndex, video: int, frame: int) -> Path:
    """The XML file beside the picture of one frame: the same name below Annotations/ instead of Data/."""
    picture = index.image_path(video, frame).relative_to(index.video_root)
    return dataset_root(index) / "Annotations/VID" / picture.with_suffix(".xml")


def tree(root: Path, files: int = 2) -> str:
    """The layout as text: every kind of folder once, its first `files` entries, and how many more there are."""
    lines = [f"{root.name}/"]
    for top in ("Annotations/VID", "Data/VID"):
        lines.append(f"├── {top}/")
        for split, knot, stem in (("train", "├──", "│  "), ("val", "└──", "   ")):
            videos = _videos(root / top / split)
            lines.append(f"│   {knot} {split}/   {len(videos)} videos, {sum(map(_size, videos))} files")
            if videos:
                lines.append(f"│   {stem} └── {videos[0].relative_to(root / top / split).as_posix()}/")
                names = sorted(path.name for path in videos[0].iterdir())
                lines.append(f"│   {stem}     └── {_some(names, files)}")
    for folder in ("ImageSets/VID", "Lists"):
        names = sorted(path.name for path in (root / folder).iterdir())
        lines.append(f"├── {folder}/   {_some(names, files)}")
    lines.append(f"└── {_some(sorted(path.name for path in root.iterdir() if path.is_file()), 9)}")
    return "\n".join(lines)


def read_fields(path: Path) -> pd.DataFrame:
    """One annotation file, leaf by leaf: columns `tag`, `value`, `meaning`; an object's tags start with its number.

    Raises:
        DataError: the file is not an annotation that the library accepts.
    """
    read_annotation(path, tracks=True)  # a file that the library refuses is refused here too
    rows, objects = [], 0
    for element in ElementTree.fromstring(path.read_bytes()):
        prefix = element.tag
        if element.tag == "object":
            prefix, objects = f"object {objects}", objects + 1
        for tag, value in _leaves(element, element.tag):
            rows.append((tag.replace(element.tag, prefix, 1), value, _MEANINGS.get(tag, "")))
    return pd.DataFrame(rows, columns=["tag", "value", "meaning"])


def class_table(index: VideoIndex) -> pd.DataFrame:
    """The classes that occur: WordNet id, name, label (position among the 30 names), boxes and videos of this split."""
    table, boxes, videos = index.table, Counter[int](), Counter[int]()
    for start, count in zip(table.frame_starts, table.frame_counts, strict=True):
        labels = table.labels[table.box_offsets[start] : table.box_offsets[start + count]].tolist()
        boxes.update(labels)
        videos.update(set(labels))
    rows = [(VID_WNIDS[k], VID_CLASSES[k], k, boxes[k], videos[k]) for k in sorted(boxes)]
    return pd.DataFrame(rows, columns=["WordNet id", "name", "label", "boxes", "videos"])


def list_table(root: Path) -> pd.DataFrame:
    """The first row of every kind of list file, and what its columns mean."""
    rows = []
    for name, columns, purpose in _LISTS:
        path = find_list(root, name)
        if path is not None:
            first = next(iter(path.read_text(encoding="utf-8").splitlines()), "")
            rows.append((name, purpose, first, columns))
    return pd.DataFrame(rows, columns=["file", "names", "first row", "columns"])


def _leaves(element: ElementTree.Element, path: str) -> list[tuple[str, str]]:
    if not len(element):
        return [(path, (element.text or "").strip())]
    return [leaf for child in element for leaf in _leaves(child, f"{path}/{child.tag}")]


def _videos(folder: Path) -> list[Path]:
    """Folders below that hold files."""
    return sorted({path.parent for path in folder.rglob("*") if path.is_file()})


def _size(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def _some(names: list[str], count: int) -> str:
    more = len(names) - count
    return ", ".join(names[:count]) + (f", … {more} more" if more > 0 else "")


def table(frame: pd.DataFrame) -> Styler:
    """A table to read: no row numbers, texts in full and on the left. The same table gives the same HTML."""
    left = [{"selector": "th, td", "props": [("text-align", "left"), ("padding", "2px 14px 2px 0")]}]
    return frame.style.hide(axis="index").set_table_styles(left).set_uuid("table")
