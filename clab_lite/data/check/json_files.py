"""Check json files of videos or still images: every record, every image, and what training and validation share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clab_lite.data import coco_vid
from clab_lite.data.check import leakage
from clab_lite.data.check.examine import Examined, examine
from clab_lite.data.check.folder import Options
from clab_lite.data.check.journal import Journal
from clab_lite.data.check.parts import ImagesPart, repeated_objects
from clab_lite.data.check.report import CheckLine, count_lines, failure, not_checked, plural, without_objects
from clab_lite.data.coco_faults import Faults
from clab_lite.data.source_file import leaves_folder
from clab_lite.data.troubles import read_troubles
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError

_STILLS_PER_PART = 200
_SOUGHT = 50
"""Images looked for before all are read: when none of them is there, their folder is wrong."""


@dataclass(frozen=True)
class _Checked:
    """What can be compared with another file."""

    index: VideoIndex
    """Of the records that are in order."""
    examined: Examined | None
    """None: its images were not found."""
    classes_known: bool
    """False: categories were left out."""


def check_json_files(files: Sequence[Path], options: Options) -> list[CheckLine]:
    """All findings of one file, or of train.json and val.json; without the verdict."""
    lines: list[CheckLine] = []
    checked: list[_Checked] = []
    for file in files:
        if not file.is_file():
            step = f"Write it, to {'train' if file.stem == 'train' else 'evaluate'} on this folder."
            lines.append(CheckLine("WARN", f"{file.name}: not there", step))
            continue
        journal = Journal(file.parent, file.stem, options.fresh)
        result, found = _check_file(file, journal, options)
        journal.close()
        lines += found
        if result is not None:
            checked.append(result)
    if len(checked) == 2:
        lines += _compare(*checked)
    return lines


def _compare(train: _Checked, val: _Checked) -> list[CheckLine]:
    """Classes that differ, and what both files hold."""
    lines = []
    if train.classes_known and val.classes_known:
        lines += _check_classes(train.index.class_names, val.index.class_names)
    else:
        lines += not_checked("train and val", ["whether they have the same classes"])
    names = ([video.name for video in file.index.videos if not video.is_still] for file in (train, val))
    lines += leakage.check_names(*names)
    if train.examined is not None and val.examined is not None:
        lines += leakage.check_images([train.examined], val.examined)
    return lines


def is_for_evaluation(file: Path) -> bool:
    """Whether the name of a json file says that it is not trained on: val.json, instances_val2017.json."""
    return "val" in file.stem and "train" not in file.stem


def _check_file(file: Path, journal: Journal, options: Options) -> tuple[_Checked | None, list[CheckLine]]:
    """Everything about one file: bad records are left out, and what is left is checked."""
    faults = Faults()
    table = coco_vid.read_sound(file, faults)
    if table is None:
        lines = count_lines(file.name, "no image in order", {}, faults.problems)
        return None, lines + not_checked(file.name, [*faults.unchecked, "its images"])
    index = VideoIndex(table, *coco_vid.image_folders(file, table))
    stills = int(table.is_still.sum())
    lines = [CheckLine("OK", f"{file} is a json file of {'videos' if stills < len(index) else 'still images'}")]
    if not len(table.labels) and not faults.problems:
        lines.append(without_objects(file.name, "val" if is_for_evaluation(file) else "train"))
    per_frame = table.box_offsets[1:] - table.box_offsets[:-1]
    repeated = repeated_objects(per_frame, table.boxes, table.labels, table.track_ids)
    counts, what = Counter(index.counts) + Counter(repeated), _size(index)
    missing = _nothing_there(index)
    found = None
    if missing is not None:
        lines += [*count_lines(file.name, what, counts, faults.problems), missing]
        faults.unchecked.append("the images")
    else:
        parts = _parts(index) + _left_out(index, faults)
        found = examine(file.name, parts, journal, workers=options.workers, progress=options.progress)
        lines += found.lines(file.name, what, counts, faults.problems)
    lines += _check_image_names(file, index) + _check_troubles(file.parent / "troubles.json", index, faults)
    classes_known = "category" not in faults.without_id and not faults.ids.get("category")
    return _Checked(index, found, classes_known), lines + not_checked(file.name, faults.unchecked)


def _size(index: VideoIndex) -> str:
    """2 videos, 6 frames, 6 objects of 2 classes."""
    stills = int(index.table.is_still.sum())
    sizes = [(len(index) - stills, "video"), (stills, "still image"), (index.frame_count, "frame")]
    what = ", ".join(plural(count, noun) for count, noun in sizes if count)
    classes = plural(len(index.class_names), "class", "es")
    return f"{what}, {plural(len(index.table.labels), 'object')} of {classes}"


def _left_out(index: VideoIndex, faults: Faults) -> list[ImagesPart]:
    """The images of bad records: their files are looked at, but nobody knows their sizes."""
    listed = set(index.table.file_names or ())
    names = [name for name in dict.fromkeys(faults.images) if name and name not in listed and not leaves_folder(name)]
    folder = index.still_root if index.table.is_still.all() else index.video_root
    return [ImagesPart("images of bad records", tuple((folder / name, None) for name in names))] if names else []


def _check_troubles(path: Path, index: VideoIndex, faults: Faults) -> list[CheckLine]:
    if faults.problems:  # frames cannot be counted
        faults.unchecked += [path.name] if path.exists() else []
        return []
    try:
        read_troubles(path, dict(zip(index.table.names, index.table.frame_counts.tolist(), strict=True)))
    except DataError as error:
        faults.unchecked.append(f"what follows it in {path.name}")
        return [failure(error)]
    return []


def _parts(index: VideoIndex) -> list[ImagesPart]:
    parts = []
    videos = index.videos
    groups = [[v] for v, video in enumerate(videos) if not video.is_still]
    stills = [v for v, video in enumerate(videos) if video.is_still]
    groups += [stills[i : i + _STILLS_PER_PART] for i in range(0, len(stills), _STILLS_PER_PART)]
    for group in groups:
        frames = [(v, frame) for v in group for frame in range(videos[v].frame_count)]
        images = tuple((index.image_path(*frame), index.frame_size(*frame)) for frame in frames)
        parts.append(ImagesPart(videos[group[0]].name, images))
    return parts


def _nothing_there(index: VideoIndex) -> CheckLine | None:
    """A failure when none of some images spread over the file exists: their folder is not where it is sought."""
    counts = [video.frame_count for video in index.videos]
    step = max(len(index) // _SOUGHT, 1)
    sought = [index.image_path(v, counts[v] // 2) for v in range(0, len(index), step)]
    if any(map(os.path.exists, sought)):  # unlike Path.exists, False for a name that no file can have
        return None
    text = f"no image is where the file names say, for example {sought[0]}"
    return CheckLine("FAIL", text, "Put the images there, or into images/ beside the json file (docs/your_data.md).")


def _check_classes(train: Sequence[str], val: Sequence[str]) -> list[CheckLine]:
    if tuple(train) == tuple(val):
        return [CheckLine("OK", f"train and val have the same {plural(len(train), 'class', 'es')}")]
    differ = sorted(set(train) ^ set(val)) or ["their order"]
    step = "Write the same categories, with the same ids, into both files."
    return [CheckLine("FAIL", "train and val list different classes", step, tuple(differ))]


def _check_image_names(file: Path, index: VideoIndex) -> list[CheckLine]:
    names = index.table.file_names or ()
    repeated = [f"{name} ({count} times)" for name, count in Counter(names).items() if count > 1]
    if not repeated:
        return []
    text = f"{file.name}: {plural(len(repeated), 'image file')} listed more than once"
    return [CheckLine("WARN", text, "List each image once, with all of its objects.", tuple(repeated))]
