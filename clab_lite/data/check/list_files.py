"""The list files of an ILSVRC folder: rows given twice, lists that contradict each other, folders in no list."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from clab_lite.data.check.published import PUBLISHED
from clab_lite.data.check.report import CheckLine, plural
from clab_lite.data.lists import find_list, frame_number, rows
from clab_lite.errors import DataError

_ROWS = {
    "train": ("VID_train_15frames.txt", 4, (0, 2)),
    "val": ("VID_val_videos.txt", 4, (0,)),
    "stills": ("DET_train_30classes.txt", 2, (0,)),
}
"""The list that papers use, by split: its columns, and those that make a row what it is."""


def check_lists(root: Path, split: str) -> list[CheckLine]:
    """What is odd in the lists of a split ("train", "val" or "stills"); none when they are in order.

    Lists that cannot be read are left to the reader of the split.
    """
    try:
        return _duplicates(root, split) + (_disagreement(root, split) if split != "stills" else [])
    except DataError:
        return []


def check_unlisted(root: Path, names: Sequence[str]) -> list[CheckLine]:
    """Folders of annotations beside the listed videos, which no list names: they are not used."""
    base, listed = root / "Annotations/VID", set(names)
    parents = sorted({name.rpartition("/")[0] for name in names})
    unlisted = []
    for parent in parents:
        if os.path.isdir(base / parent):  # unlike Path.is_dir, False for a name that no folder can have
            with os.scandir(base / parent) as entries:
                found = [f"{parent}/{entry.name}" for entry in entries if entry.is_dir() and entry.name[0] != "."]
            unlisted += [name for name in sorted(found) if name not in listed and name not in parents]
    if not unlisted:
        return []
    text = f"{parents[0].partition('/')[0]}: {plural(len(unlisted), 'video folder')} in no list, not used"
    return [CheckLine("WARN", text, "Add them to the list, or delete the list to use all folders.", tuple(unlisted))]


def _duplicates(root: Path, split: str) -> list[CheckLine]:
    name, columns, key = _ROWS[split]
    path = find_list(root, name)
    if path is None:
        return []
    seen: dict[tuple[str, ...], int] = {}
    repeated = []
    for line, fields in rows(path, columns):
        first = seen.setdefault(tuple(fields[column] for column in key), line)
        if first != line:
            repeated.append(f"{path}, line {line}: {' '.join(fields)} is line {first} again")
    published = PUBLISHED["stills"]
    if split == "stills" and (len(seen) + len(repeated), len(seen)) == tuple(published.values()):
        text = f"stills: {len(repeated)} rows given twice, as in the published list: those images are seen twice"
        return [CheckLine("OK", text)]
    if not repeated:
        return []
    text = f"{split}: {plural(len(repeated), 'duplicate row')} in {path.relative_to(root).as_posix()}"
    return [CheckLine("WARN", text, "Remove the second of each, or restore the list.", tuple(repeated))]


def _disagreement(root: Path, split: str) -> list[CheckLine]:
    """The list that papers use against the official one, where both are there."""
    name, columns, _ = _ROWS[split]
    path = find_list(root, name)
    official = sorted((root / "ImageSets/VID").glob("train_*.txt" if split == "train" else "val.txt"))
    if path is None or not official:
        return []
    listed = {fields[0]: frame_number(path, line, fields[3], minimum=1) for line, fields in rows(path, columns)}
    counts: Counter[str] = Counter()
    for file in official:
        for _, fields in rows(file, 2):
            video = fields[0] if split == "train" else fields[0].rpartition("/")[0]
            counts[f"{split}/{video}"] += 1
    differ = [f"{video} is only in {path.name}" for video in listed if video not in counts]
    differ += [f"{video} is only in ImageSets/VID" for video in counts if video not in listed]
    if split == "val":
        both = [video for video in listed if counts[video] not in (0, listed[video])]
        differ += [f"{v} has {listed[v]} frames in {path.name}, {counts[v]} in val.txt" for v in both]
    if not differ:
        return []
    text = f"{split}: {path.name} and ImageSets/VID contradict each other; {path.name} is used"
    return [CheckLine("WARN", text, "Restore both lists from one source.", tuple(differ))]
