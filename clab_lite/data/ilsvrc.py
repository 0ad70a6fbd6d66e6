"""Read an ILSVRC folder into an `IndexTable`.

    Annotations/VID/<video>/000000.xml     one file per frame, 0-based, without gaps   (annotation_xml.py)
    Data/VID/<video>/000000.JPEG           the frames, same names; decoded only when asked for
    Annotations/DET/<image>.xml, Data/DET/<image>.JPEG    still images
    Lists/, ImageSets/                     what to read, and the key frames            (lists.py)
    classes.txt                            the classes, if they are not the 30         (class_list.py)

<video> is `train/<batch>/<snippet>` or `val/<snippet>`. Boxes are kept as written; objects of other classes are
skipped and counted (dataset specification, section 9).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from clab_lite.data.annotation_xml import XmlAnnotation, read_annotation
from clab_lite.data.class_list import ClassList
from clab_lite.data.classes import WNID_TO_LABEL
from clab_lite.data.lists import Listing, evenly_spaced
from clab_lite.data.table import IndexTable, VideoRecord, assemble
from clab_lite.errors import DataError

_STILLS_PER_TASK = 200
_Item = TypeVar("_Item")


def build_table(
    root: Path, videos: Listing, stills: Listing | None, classes: ClassList, *, progress: bool
) -> IndexTable:
    """Read every annotation file of the listed videos, then of the listed still images.

    Raises:
        DataError: a file is missing or malformed, a video has a gap in its frames, or nothing is listed.
    """
    if not videos.names:
        place = videos.sources[0] if videos.sources else root / "Annotations/VID"
        raise DataError.at(place, "", "no video is listed", "Restore the list, or check that the split is unpacked.")
    labels = classes.labels
    tasks = list(zip(videos.names, videos.frame_counts, strict=True))
    records = _in_parallel(lambda task: [read_video(root, *task, videos, labels)], tasks, "reading videos", progress)
    key_frames = (
        [(v, frame) for v, record in enumerate(records) for frame in evenly_spaced(len(record.boxes_per_frame))]
        if videos.key_frames is None
        else list(videos.key_frames)
    )
    if stills is not None:
        names = stills.names
        batches = [names[i : i + _STILLS_PER_TASK] for i in range(0, len(names), _STILLS_PER_TASK)]
        still_records = _in_parallel(
            lambda batch: read_stills(root, batch, labels), batches, "reading stills", progress
        )
        if not still_records:
            raise DataError.at(stills.sources[0], "", "no listed image has an annotation", "Unpack Annotations/DET.")
        key_frames += [(len(records) + i, 0) for i in range(len(still_records))]
        records += still_records
        records[0].counts["still images without annotation file"] += len(names) - len(still_records)
    return assemble(records, classes.names, key_frames)


def _in_parallel(
    read: Callable[[_Item], list[VideoRecord]], items: Iterable[_Item], title: str, progress: bool
) -> list[VideoRecord]:
    """Threads, because slow disks dominate; parsing a million files takes about a minute on top."""
    items = list(items)
    pool = ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) + 2))
    try:
        results = pool.map(read, items)
        bar = tqdm(results, desc=title, total=len(items), unit="folder", delay=1.0, disable=not progress)
        return [record for batch in bar for record in batch]
    finally:
        pool.shutdown(cancel_futures=True)


def read_video(
    root: Path, name: str, frame_count: int | None, listing: Listing, labels: Mapping[str, int] = WNID_TO_LABEL
) -> VideoRecord:
    """Read all annotation files of one video, after checking that its frames have no gap.

    Args:
        root: the ILSVRC folder.
        name: the video, below Annotations/VID.
        frame_count: what the list says; None when no list tells.
        listing: where the name comes from, for the error message.
        labels: the label of what the files write as `<name>`.
    """
    folder = root / "Annotations/VID" / name
    if not os.path.isdir(folder):  # unlike Path.is_dir, False for a name that no folder can have
        place = listing.sources[0] if listing.sources else root
        raise DataError.at(place, name, f"{folder} does not exist", "Unpack it, or remove it from the list.")
    frame_count = check_frames(folder, ".xml", frame_count)
    images = root / "Data/VID" / name
    if os.path.isdir(images):  # an annotation-only copy has no frames to compare
        check_frames(images, ".JPEG", frame_count)
    record = VideoRecord(name, False)
    for frame in range(frame_count):
        add_frame(record, read_annotation(folder / f"{frame:06d}.xml", tracks=True), labels)
    return record


def read_stills(root: Path, names: Iterable[str], labels: Mapping[str, int] = WNID_TO_LABEL) -> list[VideoRecord]:
    """Images without a file have no object (ILSVRC DET leaves it out) and are left out here."""
    records = []
    for name in names:
        path = root / "Annotations/DET" / f"{name}.xml"
        if os.path.exists(path):
            annotation = read_annotation(path, tracks=False)
            record = VideoRecord(name, True)
            add_frame(record, annotation, labels)
            records.append(record)
    return records


def add_frame(record: VideoRecord, annotation: XmlAnnotation, labels: Mapping[str, int]) -> None:
    """Append the next frame of a video, without the objects of other classes."""
    record.start_frame(annotation.width, annotation.height)
    for item in annotation.objects:
        label = labels.get(item.wnid)
        if label is None:
            record.counts["objects of other classes, skipped"] += 1
            continue
        record.add_box(item.box, label, item.track_id, item.occluded, item.generated)


def check_frames(folder: Path, suffix: str, frame_count: int | None) -> int:
    """The number of frames in a folder, which must be named 000000, 000001, ... without a gap.

    Args:
        folder: one video's annotations or frames.
        suffix: ".xml" or ".JPEG"; other files are ignored.
        frame_count: what the list says; None when no list tells.
    """
    try:
        entries = os.listdir(folder)
    except OSError as error:
        raise DataError.at(folder, "", f"it cannot be read ({error.strerror})", "Check its permissions.") from error
    names = {entry for entry in entries if entry.endswith(suffix) and not entry.startswith(".")}
    expected = len(names) if frame_count is None else frame_count
    wanted = (f"{frame:06d}{suffix}" for frame in range(max(expected, 1)))
    missing = next((name for name in wanted if name not in names), None)  # at most one more than there are files
    if missing is not None:
        problem = f"frame {missing} is missing ({len(names)} files for {expected} frames)"
        raise DataError.at(folder, "", problem, "Frames must run from 000000 without gaps: restore the video.")
    if len(names) > expected:
        problem = f"{len(names)} files where the list says {expected} frames"
        raise DataError.at(folder, "", problem, "Correct the list, or delete it to use the folders.")
    return expected
