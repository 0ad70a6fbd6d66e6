"""Check an ILSVRC folder: structure, lists, every annotation file, every image, and what its splits share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.check import leakage
from clab_lite.data.check.examine import Examined, examine
from clab_lite.data.check.journal import Journal
from clab_lite.data.check.list_files import check_lists, check_unlisted
from clab_lite.data.check.parts import StillsPart, VideoPart
from clab_lite.data.check.published import compare_with_published
from clab_lite.data.check.report import CheckLine, failure, not_checked, plural, without_objects
from clab_lite.data.class_list import CLASSES_FILE, VID, ClassList, find_classes, read_classes
from clab_lite.data.lists import Listing, annotation_files, det_listing, train_listing, val_listing
from clab_lite.data.troubles import read_troubles
from clab_lite.errors import DataError

_STILLS_PER_PART = 200
_NAMES_SHOWN = 8


@dataclass(frozen=True)
class Options:
    """How to check."""

    workers: int | None = None
    """None: by the number of cores."""
    progress: bool = True
    fresh: bool = False
    """Forget what earlier checks found."""


def check_folder(root: Path, options: Options) -> list[CheckLine]:
    """All findings, without the verdict."""
    listings, lines = _listings(root)
    classes, class_lines = _classes(root, list(listings.values()), options)
    lines = [CheckLine("OK", f"{root} is an ILSVRC folder"), *class_lines, *lines]
    journal = Journal(root, "folder", options.fresh)
    examined: dict[str, Examined] = {}
    for split, listing in listings.items():
        examined[split], found = _check_split(root, split, listing, classes.labels, journal, options)
        lines += found
    stills, found = _check_stills(root, classes.labels, journal, options)
    lines += found
    if len(examined) == 2:
        lines += leakage.check_names(listings["train"].names, listings["val"].names)
        seen = [examined["train"]] + ([stills] if stills else [])
        lines += leakage.check_images(seen, examined["val"])
    journal.close()
    return lines


def _listings(root: Path) -> tuple[dict[str, Listing], list[CheckLine]]:
    """The listing of each split that is there, and what is wrong with those that are not."""
    listings: dict[str, Listing] = {}
    lines: list[CheckLine] = []
    for split in ("train", "val"):
        if not (root / "Annotations/VID" / split).is_dir():
            step = "Unpack it if you need this split."
            lines.append(CheckLine("WARN", f"{split}: no Annotations/VID/{split}", step))
            continue
        try:
            listing = train_listing(root, mmtracking_key_frames=False) if split == "train" else val_listing(root)
        except DataError as error:
            lines += [failure(error, split), *not_checked(split, ["its videos, which the list names"])]
            continue
        if not listing.names:
            lines.append(CheckLine("FAIL", f"{split}: no video", "Restore the list, or unpack the split."))
            continue
        listings[split] = listing
    return listings, lines


def _classes(root: Path, listings: Sequence[Listing], options: Options) -> tuple[ClassList, list[CheckLine]]:
    """The classes to read with, and what is told of them. A class list that cannot be used is none."""
    lines = []
    try:
        classes = read_classes(root)
    except DataError as error:
        classes = None
        lines = [failure(error)]
    origin = f"in {CLASSES_FILE}"
    if classes is None:
        classes = _shown_classes(root, listings, options)
        origin = "of ImageNet VID" if classes is VID else "found in the annotations"
        origin += "" if classes is VID or lines else f" (no {CLASSES_FILE})"
    shown = ", ".join(classes.names[:_NAMES_SHOWN]) + (", ..." if len(classes.names) > _NAMES_SHOWN else "")
    text = f"{plural(len(classes.names), 'class', 'es')} {origin}: {shown}"
    return classes, [*lines, CheckLine("OK", text)]


def _shown_classes(root: Path, listings: Sequence[Listing], options: Options) -> ClassList:
    """What `find_classes` finds, or would find without the bad files; they are named with the others of their split."""
    try:
        return find_classes(root, listings, progress=options.progress)[0]
    except DataError:
        names: set[str] = set()
    for name in (name for listing in listings for name in listing.names):
        for file in annotation_files(root, name):
            try:
                names |= {item.wnid for item in read_annotation(file, tracks=False).objects}
            except DataError:
                continue
            if not names.isdisjoint(VID.labels):
                return VID
    return ClassList(tuple(sorted(names)), {name: i for i, name in enumerate(sorted(names))}) if names else VID


def _check_split(
    root: Path, split: str, listing: Listing, labels: Mapping[str, int], journal: Journal, options: Options
) -> tuple[Examined, list[CheckLine]]:
    sources = ", ".join(source.relative_to(root).as_posix() for source in listing.sources[:2])
    more = f" and {len(listing.sources) - 2} more" if len(listing.sources) > 2 else ""
    lines = [CheckLine("OK", f"{split}: videos named by {sources}{more}" if sources else f"{split}: all folders")]
    lines += check_lists(root, split) + (check_unlisted(root, listing.names) if listing.sources else [])
    with_images = (root / "Data/VID" / split).is_dir()
    if not with_images:
        step = f"Unpack the frames of this split into {root / 'Data/VID' / split}."
        lines.append(CheckLine("FAIL", f"{split}: annotations without frames (no Data/VID/{split})", step))
    parts = [
        VideoPart(root, name, count, count or _file_count(root, name), listing.sources[:1], labels, with_images)
        for name, count in zip(listing.names, listing.frame_counts, strict=True)
    ]
    found = examine(split, parts, journal, workers=options.workers, progress=options.progress)
    what = f"{plural(len(parts), 'video')}, {plural(found.frames, 'frame')}, {plural(found.objects, 'object')}"
    lines += found.lines(split, what)
    if not found.objects and not found.problems:
        lines.append(without_objects(split, split))
    counts = {"snippets": len(parts)}
    if not found.problems:
        counts |= {"frames": found.frames} | ({"boxes": found.objects} if split == "val" else {})
    if listing.key_frames:
        counts["key frames"] = len(listing.key_frames)
    lines += compare_with_published(split, listing.names, counts)
    frame_counts = {
        part.key: result.frames for part, result in zip(parts, found.results, strict=True) if not result.problems
    }
    try:
        read_troubles(root / "troubles.json", frame_counts)
    except DataError as error:
        lines += [failure(error), *not_checked("troubles.json", ["what follows it"])]
    return found, lines


def _check_stills(
    root: Path, labels: Mapping[str, int], journal: Journal, options: Options
) -> tuple[Examined | None, list[CheckLine]]:
    try:
        listing = det_listing(root)
    except DataError as error:
        return None, [failure(error, "stills"), *not_checked("stills", ["its images, which the list names"])]
    there = (root / "Annotations/DET").is_dir()
    if not there and listing is None:
        return None, [CheckLine("OK", "no still images (Annotations/DET): training uses videos only")]
    if listing is None:
        step = "Get DET_train_30classes.txt (Flow-Guided-Feature-Aggregation, data/ILSVRC2015/ImageSets)."
        return None, [CheckLine("WARN", "stills: without their list they are left out of training", step)]
    if not there:
        step = "Unpack Annotations/DET and Data/DET, or delete the list to train on videos only."
        return None, [CheckLine("WARN", f"stills: {listing.sources[0].name} lists images that are not there", step)]
    names = list(dict.fromkeys(listing.names))
    parts = [
        StillsPart(root, tuple(names[i : i + _STILLS_PER_PART]), labels) for i in range(0, len(names), _STILLS_PER_PART)
    ]
    found = examine("stills", parts, journal, workers=options.workers, progress=options.progress)
    what = f"{plural(len(names), 'image')}, {plural(found.objects, 'object')}"
    lines = check_lists(root, "stills") + found.lines("stills", what)
    if not found.frames and not found.problems:
        lines.append(CheckLine("FAIL", "stills: no listed image has an annotation", "Unpack Annotations/DET."))
    counts = {"rows": len(listing.names), "distinct images": len(names)}
    return found, lines + compare_with_published("stills", names, counts)


def _file_count(root: Path, name: str) -> int:
    try:
        return len(os.listdir(root / "Annotations/VID" / name))
    except OSError:
        return 1
