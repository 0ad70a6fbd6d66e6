"""The list files that name a dataset's videos and key frames (dataset specification, section 2).

| file | one row | meaning |
|---|---|---|
| VID_train_15frames.txt | `train/<batch>/<video> 1 <frame> <frames>` | a key frame (0-based) of a training video |
| ImageSets/VID/train_1.txt .. train_30.txt | `<batch>/<video> 1` | a training video that shows class 1 .. 30 |
| VID_val_videos.txt | `val/<video> <first row> 0 <frames>` | a validation video |
| ImageSets/VID/val.txt | `<video>/<frame> <row>` | one validation frame |
| DET_train_30classes.txt | `train/<folder>/<image> 1` | a still image that shows one of the 30 classes |

The first, third and last are looked for in `Lists/`, `ImageSets/`, `ImageSets/VID/` and `ImageSets/DET/`.
What no list says is read from the folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clab_lite.data.source_file import leaves_folder, read_source
from clab_lite.errors import DataError, is_plain

KEY_FRAMES_PER_VIDEO = 15
MAX_FRAMES = 10_000_000
"""No video has more: four days at 30 frames a second."""

_FOLDERS = ("Lists", "ImageSets", "ImageSets/VID", "ImageSets/DET")


@dataclass(frozen=True)
class Listing:
    """Videos of a split, as far as lists know them."""

    names: tuple[str, ...]
    """Below Data/VID (or Data/DET), in list order."""
    frame_counts: tuple[int | None, ...]
    """None where no list tells: count the files."""
    key_frames: tuple[tuple[int, int], ...] | None
    """(position in `names`, 0-based frame); None: use `evenly_spaced`."""
    sources: tuple[Path, ...]
    """The list files that were read."""


def evenly_spaced(frame_count: int) -> list[int]:
    """At most 15 key frames: floor((i + 0.5) * n / 15), each once. The fallback when the 15-frames list is missing."""
    count = KEY_FRAMES_PER_VIDEO
    return sorted({(2 * i + 1) * frame_count // (2 * count) for i in range(count)})


def train_listing(root: Path, *, mmtracking_key_frames: bool) -> Listing:
    """Training videos, in the order of the 15-frames list if there is one.

    Args:
        root: the ILSVRC folder.
        mmtracking_key_frames: take one off each listed frame as mmtracking does (its frame -1 vanishes).
    """
    path = find_list(root, "VID_train_15frames.txt")
    if path is not None:
        return _fifteen_frames(path, shift=-1 if mmtracking_key_frames else 0)
    paths = sorted((root / "ImageSets/VID").glob("train_*.txt"))
    names = {f"train/{row[0]}" for path in paths for _, row in rows(path, 2) if row[1] == "1"}
    if not paths:  # lists that are all empty are an error, told by whoever reads the listing
        names = set(_folders(root, "train"))
    ordered = tuple(sorted(names))
    return Listing(ordered, (None,) * len(ordered), None, tuple(paths))


def val_listing(root: Path) -> Listing:
    """Validation videos; they have no key frames."""
    path = find_list(root, "VID_val_videos.txt")
    if path is not None:
        counts = {row[0]: frame_number(path, line, row[3], minimum=1) for line, row in rows(path, 4)}
        return Listing(tuple(counts), tuple(counts.values()), (), (path,))
    path = root / "ImageSets/VID/val.txt"
    if path.is_file():
        frames: dict[str, int] = {}
        for _, row in rows(path, 2):
            name = f"val/{row[0].rpartition('/')[0]}"
            frames[name] = frames.get(name, 0) + 1
        return Listing(tuple(frames), tuple(frames.values()), (), (path,))
    names = tuple(_folders(root, "val"))
    return Listing(names, (None,) * len(names), (), ())


def det_listing(root: Path) -> Listing | None:
    """Still images, duplicates kept (they are seen twice, as in every published recipe); None without the list."""
    path = find_list(root, "DET_train_30classes.txt")
    if path is None:
        return None
    names = tuple(row[0] for _, row in rows(path, 2))
    return Listing(names, (1,) * len(names), tuple((i, 0) for i in range(len(names))), (path,))


def find_list(root: Path, name: str) -> Path | None:
    """The first file of that name in the folders where lists are kept."""
    return next((root / folder / name for folder in _FOLDERS if (root / folder / name).is_file()), None)


def rows(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, fields) of each line that is not blank; every row must have `columns` fields.

    The first is a name below the dataset's folders: one that leads out of them is refused.
    """
    text = read_source(path, "the list").decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != columns:
            problem = f"{len(fields)} columns instead of {columns}: {line[:80]!r}"
            raise DataError.at(path, f"line {number}", problem, "Restore the list, or delete it to use the folders.")
        if leaves_folder(fields[0]):
            raise DataError.at(path, f"line {number}", f"{fields[0]!r} leaves the dataset", "Correct the list.")
        if not is_plain(fields[0]):
            raise DataError.at(path, f"line {number}", f"{fields[0]!r} is no name of a file", "Correct the list.")
        yield number, fields


def _fifteen_frames(path: Path, shift: int) -> Listing:
    counts: dict[str, int] = {}
    positions: dict[str, int] = {}
    key_frames: list[tuple[int, int]] = []
    for line, (name, _, frame_text, count_text) in rows(path, 4):
        count = frame_number(path, line, count_text, minimum=1)
        frame = frame_number(path, line, frame_text, minimum=0)
        if counts.setdefault(name, count) != count:
            problem = f"{name} has {count} frames here and {counts[name]} above"
            raise DataError.at(path, f"line {line}", problem, "Correct the list.")
        if frame >= count:
            problem = f"frame {frame} of a video of {count} frames (they count from 0)"
            raise DataError.at(path, f"line {line}", problem, "Correct the list.")
        position = positions.setdefault(name, len(positions))
        if frame + shift >= 0:
            key_frames.append((position, frame + shift))
    return Listing(tuple(counts), tuple(counts.values()), tuple(key_frames), (path,))


def frame_number(path: Path, line: int, text: str, minimum: int) -> int:
    """A field of a list that counts frames.

    Raises:
        DataError: it is no number, or one that no video has.
    """
    if text.isdecimal() and len(text) < 20 and minimum <= int(text) <= MAX_FRAMES:
        return int(text)
    problem = f"{text!r} is not a number from {minimum} to {MAX_FRAMES:,}"
    raise DataError.at(path, f"line {line}", problem, "Correct the list.")


def annotation_files(root: Path, video: str) -> list[Path]:
    """The annotation files of a video, ascending; none when it has no folder, or no folder can have its name."""
    folder = root / "Annotations/VID" / video
    try:
        names = os.listdir(folder)
    except (OSError, ValueError):
        return []
    return [folder / name for name in sorted(names) if name.endswith(".xml") and not name.startswith(".")]


def _folders(root: Path, split: str) -> list[str]:
    """Videos found on disk: folders one or two below Annotations/VID/<split> that hold .xml files or nothing at all.

    An empty one is named too, so that its missing frames are noticed.
    """
    base = root / "Annotations/VID"
    found = []
    for path in _subfolders(base / split):
        inside = _subfolders(path)
        found += [path, *inside] if _holds_annotations(path) else inside or [path]
    return sorted(path.relative_to(base).as_posix() for path in found)


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if not entry.name.startswith(".") and entry.is_dir()]


def _holds_annotations(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.endswith(".xml") and not entry.name.startswith(".") for entry in entries)
