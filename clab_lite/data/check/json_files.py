"""Check json files of videos or still images: every record, every image, and what training and validation share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from clab_lite.data import coco_vid
from clab_lite.data.check import leakage
from clab_lite.data.check.examine import Examined, examine
from clab_lite.data.check.folder import Options
from clab_lite.data.check.journal import Journal
from clab_lite.data.check.parts import ImagesPart, repeated_objects
from clab_lite.data.check.report import CheckLine, count_lines, plural
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.errors import DataError

_STILLS_PER_PART = 200
_SOUGHT = 50
"""Images looked for before all are read: when none of them is there, their folder is wrong."""


def check_json_files(files: Sequence[Path], options: Options) -> list[CheckLine]:
    """All findings of one file, or of train.json and val.json; without the verdict."""
    lines: list[CheckLine] = []
    checked: dict[str, tuple[VideoIndex, Examined]] = {}
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
            checked[file.stem] = result
    if len(checked) == 2:
        (train, train_found), (val, val_found) = checked.values()
        lines += _check_classes(train.class_names, val.class_names)
        lines += leakage.check_names(*([v.name for v in index.videos if not v.is_still] for index in (train, val)))
        lines += leakage.check_images([train_found], val_found)
    return lines


def _check_file(
    file: Path, journal: Journal, options: Options
) -> tuple[tuple[VideoIndex, Examined] | None, list[CheckLine]]:
    problems = coco_vid.find_problems(file)
    if problems:
        return None, count_lines(file.name, "not usable", {}, problems)
    try:
        index = open_dataset(file, "train", cache=False, progress=options.progress)
    except DataError as error:
        return None, [CheckLine("FAIL", str(error))]
    table = index.table
    stills = int(table.is_still.sum())
    sizes = [(len(index) - stills, "video"), (stills, "still image"), (index.frame_count, "frame")]
    what = ", ".join(plural(count, noun) for count, noun in sizes if count)
    what += f", {plural(len(table.labels), 'object')} of {plural(len(index.class_names), 'class', 'es')}"
    lines = [CheckLine("OK", f"{file} is a json file of {'videos' if stills < len(index) else 'still images'}")]
    parts = _parts(index)
    missing = _nothing_there(index)
    if missing:
        return None, [*lines, *count_lines(file.name, what, index.counts, []), missing]
    found = examine(file.name, parts, journal, workers=options.workers, progress=options.progress)
    per_frame = table.box_offsets[1:] - table.box_offsets[:-1]
    repeated = repeated_objects(per_frame, table.boxes, table.labels, table.track_ids)
    lines += found.lines(file.name, what, Counter(index.counts) + Counter(repeated))
    return (index, found), lines + _check_image_names(file, index)


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
    if any(path.exists() for path in sought):
        return None
    text = f"no image is where the file names say, for example {sought[0]}"
    return CheckLine("FAIL", text, "Put the images there, or into images/ beside the json file (docs/your_data.md).")


def _check_classes(train: Sequence[str], val: Sequence[str]) -> list[CheckLine]:
    if tuple(train) == tuple(val):
        return [CheckLine("OK", f"train and val have the same {len(train)} classes")]
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
