"""Go through a whole dataset and say, line by line, what is right, what is odd, and what to do next.

`open_dataset` stops at the first bad file; this reads on and names the bad record of each video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from clab_lite.data import coco_vid, ilsvrc
from clab_lite.data.images import read_image_size
from clab_lite.data.lists import Listing, det_listing, train_listing, val_listing
from clab_lite.data.troubles import read_troubles
from clab_lite.data.vid import VideoIndex, open_dataset, require_ilsvrc
from clab_lite.errors import DataError

SHOWN = 5
"""Bad records shown per split; the rest are counted."""

_TAIL_BYTES = 1024
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND"


@dataclass(frozen=True)
class CheckLine:
    """One finding."""

    level: Literal["OK", "WARN", "FAIL"]
    text: str
    next_step: str = ""

    def __str__(self) -> str:
        return f"[{self.level}] {self.text}" + (f"\n       next: {self.next_step}" if self.next_step else "")


@dataclass(frozen=True)
class CheckReport:
    """All findings, in the order they were made."""

    lines: tuple[CheckLine, ...]

    @property
    def ok(self) -> bool:
        """True when nothing failed; warnings are allowed."""
        return all(line.level != "FAIL" for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self.lines)


def check_dataset(path: str | Path, progress: bool = True) -> CheckReport:
    """Check an ILSVRC folder or a COCO-VID json: structure, lists, every annotation file, every image's header and end.

    Args:
        path: as for `open_dataset`.
        progress: show a bar with the time left.

    Never raises for a bad dataset: what `open_dataset` would refuse becomes a [FAIL] line.
    """
    path = Path(path)
    try:
        if path.suffix == ".json":
            return CheckReport(tuple(_check_json(path, progress)))
        require_ilsvrc(path)
    except DataError as error:
        return CheckReport((CheckLine("FAIL", str(error)),))
    lines = [CheckLine("OK", f"{path} is an ILSVRC folder")]
    for split in ("train", "val"):
        lines += _check_split(path, split, progress)
    lines += _check_stills(path, progress)
    return CheckReport(tuple(lines))


def _check_split(root: Path, split: str, progress: bool) -> list[CheckLine]:
    if not (root / "Annotations/VID" / split).is_dir():
        return [CheckLine("WARN", f"{split}: no Annotations/VID/{split}", "Unpack it if you need this split.")]
    try:
        listing = train_listing(root, mmtracking_key_frames=False) if split == "train" else val_listing(root)
    except DataError as error:
        return [CheckLine("FAIL", str(error))]
    sources = ", ".join(source.relative_to(root).as_posix() for source in listing.sources[:2])
    lines = [CheckLine("OK", f"{split}: videos named by {sources}")]
    if not listing.sources:
        lines = [CheckLine("WARN", f"{split}: no list, so all folders are read", "Put the lists into Lists/.")]
    return lines + _check_videos(root, split, listing, progress)


def _check_videos(root: Path, split: str, listing: Listing, progress: bool) -> list[CheckLine]:
    if not listing.names:
        return [CheckLine("FAIL", f"{split}: no video", "Restore the list, or unpack the split.")]
    problems: list[str] = []
    counts: Counter[str] = Counter()
    frame_counts: dict[str, int] = {}
    items = list(zip(listing.names, listing.frame_counts, strict=True))
    for name, frames in tqdm(items, desc=f"checking {split}", unit="video", disable=not progress):
        try:
            record = ilsvrc.read_video(root, name, frames, listing)
        except DataError as error:
            problems.append(str(error))
            continue
        frame_counts[name] = len(record.boxes_per_frame)
        counts.update(record.counts)
        counts.update(frames=frame_counts[name], objects=len(record.boxes))
        folder = root / "Data/VID" / name
        if not folder.is_dir():
            problems.append(f"{folder}: the frames are missing")
            continue
        files = [folder / f"{frame:06d}.JPEG" for frame in range(frame_counts[name])]
        problems += _bad_images(files, record.frame_sizes)
    lines = _summary(split, len(listing.names), counts, problems)
    try:
        read_troubles(root / "troubles.json", frame_counts)
    except DataError as error:
        lines.append(CheckLine("FAIL", str(error)))
    return lines


def _check_stills(root: Path, progress: bool) -> list[CheckLine]:
    folder = root / "Annotations/DET"
    if not folder.is_dir():
        return [CheckLine("OK", "no still images (Annotations/DET): training uses videos only")]
    try:
        listing = det_listing(root)
    except DataError as error:
        return [CheckLine("FAIL", str(error))]
    if listing is None:
        step = "Get DET_train_30classes.txt (Flow-Guided-Feature-Aggregation, data/ILSVRC2015/ImageSets)."
        return [CheckLine("WARN", "still images without their list are left out of training", step)]
    problems: list[str] = []
    counts: Counter[str] = Counter()
    for name in tqdm(dict.fromkeys(listing.names), desc="checking stills", unit="image", disable=not progress):
        try:
            records = ilsvrc.read_stills(root, [name])
        except DataError as error:
            problems.append(str(error))
            continue
        counts["still images without annotation file"] += not records
        for record in records:
            counts.update(record.counts)
            counts.update(frames=1, objects=len(record.boxes))
            problems += _bad_images([root / "Data/DET" / f"{name}.JPEG"], record.frame_sizes)
    return _summary("stills", counts["frames"], counts, problems)


def _check_json(path: Path, progress: bool) -> list[CheckLine]:
    problems = coco_vid.find_problems(path)
    if problems:
        return _summary(path.name, 0, Counter(), problems)
    index: VideoIndex = open_dataset(path, "train", cache=False, progress=progress)
    for position, video in enumerate(tqdm(index.videos, desc="checking images", unit="video", disable=not progress)):
        files = [index.image_path(position, frame) for frame in range(video.frame_count)]
        sizes = [index.frame_size(position, frame) for frame in range(video.frame_count)]
        problems += _bad_images(files, sizes)
    counts = Counter(index.counts)
    counts.update(frames=index.frame_count, objects=len(index.table.labels))
    return _summary(path.name, len(index), counts, problems)


def _summary(title: str, videos: int, counts: Counter[str], problems: list[str]) -> list[CheckLine]:
    level: Literal["OK", "FAIL"] = "FAIL" if problems else "OK"
    frames, objects = counts.pop("frames", 0), counts.pop("objects", 0)
    text = f"{title}: {videos:,} videos, {frames:,} frames, {objects:,} objects, {len(problems):,} bad records"
    lines = [CheckLine(level, text, "Mend or restore the files named below." if problems else "")]
    lines += [CheckLine("FAIL", problem) for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(CheckLine("FAIL", f"{title}: and {len(problems) - SHOWN:,} more bad records"))
    lines += [CheckLine("WARN", f"{title}: {count:,} {what}") for what, count in sorted(counts.items()) if count]
    return lines


def _bad_images(files: Iterable[Path], sizes: Iterable[tuple[int, int]]) -> list[str]:
    """One line per image whose header cannot be read, whose end is missing, or whose size is not (width, height)."""
    problems = []
    for file, size in zip(files, sizes, strict=True):
        try:
            found = read_image_size(file)
        except DataError as error:
            problems.append(str(error))
            continue
        if not _ends(file):
            problems.append(f"{file}: the image is truncated (no end marker)")
        elif found != size:
            problems.append(f"{file}: {found[0]} x {found[1]} pixels, its annotation says {size[0]} x {size[1]}")
    return problems


def _ends(file: Path) -> bool:
    """False for a JPEG or PNG file without its end marker."""
    with file.open("rb") as stream:
        stream.seek(max(file.stat().st_size - _TAIL_BYTES, 0))
        tail = stream.read()
    return _JPEG_END in tail or _PNG_END in tail
