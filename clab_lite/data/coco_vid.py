"""Read COCO-VID json files, as mmtracking's converters write them (dataset specification, sections 5 and 7).

    categories   id, name
    videos       id, name, vid_train_frames (key frames as mmtracking reads them: one early); may be missing
    images       id, file_name, width, height; of a video: video_id, frame_id 0..n-1, is_vid_train_frame, annotated
    annotations  image_id, category_id, bbox [x, y, width, height], area, instance_id, occluded, generated, iscrowd

Images without video_id are still images, as in plain COCO files and in `imagenet_det_30plus1cls.json`; those marked
`is_vid_train_frame: false` are left out. Groups (`iscrowd`) are not trained on; in evaluation they excuse what is
detected in them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from clab_lite.data.classes import NAME_TO_LABEL, VID_CLASSES
from clab_lite.data.coco_faults import Faults, report
from clab_lite.data.coco_records import CocoAnnotation, CocoCategory, CocoFile, CocoImage, CocoVideo, read_file
from clab_lite.data.lists import evenly_spaced
from clab_lite.data.table import IndexTable, VideoRecord, assemble
from clab_lite.errors import DataError

DET_FILE = "imagenet_det_30plus1cls.json"
"""Still images, looked for beside the video file."""

OTHER_CLASSES = "other_categeries"
"""mmtracking's name, and spelling, for DET objects outside the 30 classes."""


def build_table(paths: Sequence[Path], *, key_frames: bool, shift: int, progress: bool) -> IndexTable:
    """Join json files (videos first, still images after) into one table.

    Args:
        paths: the files.
        key_frames: False for validation: there are none.
        shift: added to each 0-based key frame: 0, or -1 for mmtracking's reading.
        progress: show a bar when it takes longer than a second.
    """
    records: list[VideoRecord] = []
    keys: list[tuple[int, int]] = []
    files: list[str] = []
    class_names: tuple[str, ...] | None = None
    for path in paths:
        content = read_file(path)
        names, labels = _classes(content.categories)
        if class_names not in (None, names):
            raise DataError.at(path, "categories", "they differ from the video file's", "Use matching files.")
        class_names = names
        boxes = _boxes_by_image(content)
        groups = _frames_by_video(path, content)
        for video, images in tqdm(groups, desc=f"reading {path.name}", delay=1.0, disable=not progress):
            records.append(_record(video, images, boxes, labels))
            files += [image.file_name for image in images]
            if key_frames:
                keys += [(len(records) - 1, frame) for frame in _key_frames(video, images, shift)]
    if not records or class_names is None:
        raise DataError.at(paths[0], "images", "the file lists no image", "Use a file with images.")
    return assemble(records, class_names, keys, None if _follows_pattern(records, files) else files)


def image_folders(path: Path, table: IndexTable) -> tuple[Path, Path]:
    """Where file names start, for videos and for still images: the first place that holds the first file.

    The places: where ILSVRC keeps its frames, the json's folder and the one above, `images/` and the folder that the
    json is named after in these (`instances_val2017.json`: `val2017/`). When none does, ILSVRC's place for names in its
    pattern, else the json's own folder.
    """
    here, above = path.parent, path.parent.parent
    split = path.stem.rpartition("_")[2]
    inner = ("", "images", split, f"images/{split}", path.stem)

    def first(ilsvrc: str, still: bool) -> Path:
        candidates = [above / ilsvrc, here / ilsvrc, *(folder / name for name in inner for folder in (here, above))]
        position = next((v for v, flag in enumerate(table.is_still) if bool(flag) == still), None)
        if position is None:
            return here
        name = table.names[position]
        file_name = f"{name}.JPEG" if still else f"{name}/000000.JPEG"
        if table.file_names is not None:
            file_name = table.file_names[int(table.frame_starts[position])]
        missing = here if table.file_names is not None else candidates[0]
        return next((folder for folder in candidates if os.path.isfile(folder / file_name)), missing)

    return first("Data/VID", still=False), first("Data/DET", still=True)


def read_sound(path: Path, faults: Faults) -> IndexTable | None:
    """The table of all records of a json file that are in order; what is wrong with the others goes to `faults`.

    Where images were left out, the frames of their videos have moved up. Objects of a category that was left out have
    the label -1. None: no image is in order.
    """
    try:
        content = read_file(path, faults)
    except DataError as error:
        report(error, faults)
        faults.unchecked.append("its records")
        return None
    names, labels = _classes(content.categories)
    labels |= {item.category_id: -1 for item in content.annotations if item.category_id not in content.categories}
    boxes = _boxes_by_image(content)
    records: list[VideoRecord] = []
    files: list[str] = []
    for video, images in _frames_by_video(path, content, faults):
        if images:
            records.append(_record(video, images, boxes, labels))
            files += [image.file_name for image in images]
    faults.finish()
    if not records and not faults.problems:
        report(DataError.at(path, "images", "the file lists no image", "Use a file with images."), faults)
    by_pattern = not faults.problems and _follows_pattern(records, files)
    return assemble(records, names, [], None if by_pattern else files) if records else None


def _classes(categories: dict[int, CocoCategory]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Class names, and label by category id. ImageNet VID names get their 30 labels, other sets their id order."""
    names = {category.id: category.name for category in categories.values()}
    if all(name in NAME_TO_LABEL or name == OTHER_CLASSES for name in names.values()):
        return VID_CLASSES, {i: NAME_TO_LABEL[name] for i, name in names.items() if name in NAME_TO_LABEL}
    ordered = sorted(names)
    return tuple(names[i] for i in ordered), {i: label for label, i in enumerate(ordered)}


_Group = tuple[CocoVideo | None, list[CocoImage]]


def _boxes_by_image(content: CocoFile) -> dict[int, list[CocoAnnotation]]:
    """The objects of each image, by its id."""
    boxes: dict[int, list[CocoAnnotation]] = {image_id: [] for image_id in content.images}
    for item in content.annotations:
        if item.image_id in boxes:  # not of an image that was left out
            boxes[item.image_id].append(item)
    return boxes


def _frames_by_video(path: Path, content: CocoFile, faults: Faults | None = None) -> list[_Group]:
    """(video, its images by frame) in file order, then (None, [image]) for each still image."""
    frames: dict[int, list[CocoImage]] = {video_id: [] for video_id in content.videos}
    stills: list[_Group] = []
    for image in content.images.values():
        if image.video_id is not None:
            frames.setdefault(image.video_id, []).append(image)  # its video may have been left out
        elif image.is_key_frame is not False:
            stills.append((None, [image]))
    groups: list[_Group] = []
    for video_id, images in frames.items():
        video = content.videos.get(video_id) or CocoVideo(video_id, str(video_id), [])
        images.sort(key=lambda image: image.frame_id)
        _check_order(path, video, images, faults)
        groups.append((video, images))
    return groups + stills


def _check_order(path: Path, video: CocoVideo, images: Sequence[CocoImage], faults: Faults | None) -> None:
    """Every frame is given once. Images that were left out count, where their frame is known."""
    taken, unplaced = Counter(image.frame_id for image in images), 0
    if faults is not None:
        if ("video", video.id) in faults.shared:
            faults.unchecked.append(f"the frames of video {video.id}, as two share this id")
            return
        taken += faults.frames.get(video.id, Counter())
        unplaced = faults.unplaced[video.id] + faults.unplaced[None]
    ordered = sorted(taken)
    missing = ordered[-1] + 1 - len(ordered) if ordered else 0
    problems = [f"frame {frame} is given {taken[frame]} times" for frame in ordered if taken[frame] > 1]
    if missing > unplaced:
        first = next(frame for frame, given in enumerate([*ordered, -1]) if frame != given)
        more = f", and {missing - 1:,} after it" if missing > 1 else ""
        problems.append(f"frame {first} is missing{more}")
    elif missing and faults is not None:
        faults.unchecked.append(f"the frames of video {video.name}, as those of bad records cannot be told")
    if not ordered and not unplaced:
        problems.append("it has no image")
    for problem in problems:
        report(DataError.at(path, f"video {video.name}", problem, "frame_id must run 0, 1, 2, ..."), faults)


def _record(
    video: CocoVideo | None, images: list[CocoImage], boxes: dict[int, list[CocoAnnotation]], labels: dict[int, int]
) -> VideoRecord:
    record = VideoRecord(images[0].file_name.removesuffix(".JPEG") if video is None else video.name, video is None)
    for image in images:
        record.start_frame(image.width, image.height, image.annotated)
        for item in boxes[image.id]:
            label = labels.get(item.category_id)
            if label is None:
                record.counts["objects of other classes, skipped"] += 1
                continue
            track_id = record.boxes_per_frame[-1] if record.is_still else item.track_id
            record.add_box(item.box, label, track_id, item.occluded, item.generated, item.crowd, item.area)
    return record


def _key_frames(video: CocoVideo | None, images: list[CocoImage], shift: int) -> list[int]:
    """0-based key frames plus `shift`.

    mmtracking's converter writes them one early, so one is added back. It can never write a video's last
    frame: a file that lists it counts from 0 already.
    """
    if video is None:
        return [0]
    listed = video.listed_key_frames or [frame for frame, image in enumerate(images) if image.is_key_frame]
    if not listed:
        known = [frame for frame, image in enumerate(images) if image.annotated]
        return [known[i] + shift for i in evenly_spaced(len(known)) if known[i] + shift >= 0]
    one_early = max(listed) < len(images) - 1
    shifted = (frame + one_early + shift for frame in listed)
    return [frame for frame in shifted if 0 <= frame < len(images)]


def _follows_pattern(records: list[VideoRecord], files: list[str]) -> bool:
    position = 0
    for record in records:
        for frame in range(len(record.boxes_per_frame)):
            expected = f"{record.name}.JPEG" if record.is_still else f"{record.name}/{frame:06d}.JPEG"
            if files[position] != expected:
                return False
            position += 1
    return True
