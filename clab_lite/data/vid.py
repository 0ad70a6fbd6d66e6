"""`open_dataset`: an ILSVRC folder, json files of videos or still images, or VOC 2007 -> `VideoIndex`.

ilsvrc.py, coco_vid.py and voc.py read, cache.py remembers, video_index.py is what comes out.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

from clab_lite.data import cache as index_cache
from clab_lite.data import coco_vid, ilsvrc
from clab_lite.data.class_list import CLASSES_FILE, find_classes, read_classes
from clab_lite.data.lists import Listing, annotation_files, det_listing, train_listing, val_listing
from clab_lite.data.table import IndexTable
from clab_lite.data.troubles import read_troubles
from clab_lite.data.video_index import FrameAnnotation, Video, VideoIndex
from clab_lite.data.voc import holds_voc, open_voc
from clab_lite.errors import DataError, Notice

__all__ = [
    "FrameAnnotation",
    "Split",
    "Video",
    "VideoIndex",
    "find_json",
    "open_dataset",
    "require_ilsvrc",
    "watched",
]

Split = Literal["train", "val"]

_FEW_FRAMES = 30_000
"""Up to this many frames, the cache watches each annotation file; beyond, only each video's folder."""


def open_dataset(
    path: str | Path,
    split: Split = "train",
    *,
    mmtracking_key_frames: bool = False,
    include_det: bool = False,
    cache: bool = True,
    progress: bool = True,
) -> VideoIndex:
    """Open an ILSVRC folder, a json file of videos (COCO-VID) or of still images (COCO), or VOC 2007.

    Args:
        path: the folder that holds `Annotations/VID` and `Data/VID`, the folder that holds `train.json` and
            `val.json`, one .json file, or the folder that holds `VOCdevkit/VOC2007`.
        split: "train" or "val" of a folder. In one .json file it decides only whether there are key frames.
        mmtracking_key_frames: read the 15-frames list as mmtracking does, one frame early (dataset
            specification, section 2).
        include_det: append the still images of ImageNet DET to the training split, where the dataset has
            them.
        cache: keep the index on disk (see `clab_lite.data.cache`).
        progress: show a bar when reading takes longer than a second.

    Raises:
        DataError: nothing of that kind is there, or a file is missing, malformed, or contradicts its list.
    """
    path = Path(path)
    if split not in ("train", "val"):
        raise DataError(f"split {split!r} is unknown. Use 'train' or 'val'.")
    include_det = include_det and split == "train"
    options = f"{split}{'_det' if include_det else ''}{'_mmtracking' if mmtracking_key_frames else ''}"
    json_file = find_json(path, split)
    if json_file is not None:
        return _open_json(json_file, split, mmtracking_key_frames, include_det, cache, progress, options)
    if holds_voc(path):
        return open_voc(path, split, progress=progress)
    require_ilsvrc(path)
    videos = train_listing(path, mmtracking_key_frames=mmtracking_key_frames) if split == "train" else val_listing(path)
    stills = _stills(path) if include_det else None
    table = _folder_table(path, split, videos, stills, cache, progress, options)
    return VideoIndex(table, path / "Data/VID", path / "Data/DET", _troubles(path, table))


def find_json(path: Path, split: Split) -> Path | None:
    """The json file that holds a split: the path itself, or `<split>.json` in a folder of them; None: another kind."""
    if path.suffix == ".json":
        return path
    names = ("train.json", "val.json")
    if (path / "Annotations/VID").is_dir() or not any((path / name).is_file() for name in names):
        return None
    return path / f"{split}.json"


def _stills(root: Path) -> Listing | None:
    """The listed still images; None when the dataset has none. Half of what they need is a warning."""
    listing, folder = det_listing(root), root / "Annotations/DET"
    if listing is not None and not folder.is_dir():
        warnings.warn(
            f"{listing.sources[0]} lists still images, but {folder} is missing: videos only", Notice, stacklevel=3
        )
        return None
    if listing is None and folder.is_dir():
        missing = "Lists/DET_train_30classes.txt"
        warnings.warn(f"{folder} is there, but {root / missing} is missing: videos only", Notice, stacklevel=3)
    return listing


def _folder_table(
    path: Path, split: Split, videos: Listing, stills: Listing | None, cache: bool, progress: bool, options: str
) -> IndexTable:
    """The stored table, or a new one. Where the classes had to be looked for in both splits, it depends on both."""
    own = watched(path, videos, stills)
    stamps = [index_cache.fingerprint(options, own, path) if cache else ""]
    table = index_cache.load(path, options, stamps[0]) if cache else None
    if table is not None:
        return table
    other = _other_listing(path, split)
    if cache:
        stamps.append(index_cache.fingerprint(options, own + watched(path, other, None), path))
        table = index_cache.load(path, options, stamps[1])
        if table is not None:
            return table
    classes, listings_read = read_classes(path), 1
    if classes is None:
        classes, listings_read = find_classes(path, [videos, other], progress=progress)
    table = ilsvrc.build_table(path, videos, stills, classes, progress=progress)
    if cache:
        index_cache.save(path, options, table, stamps[listings_read - 1])
    return table


def _other_listing(root: Path, split: Split) -> Listing:
    """Videos of the other split, to look for class names. Its faults are told when that split is opened."""
    try:
        return val_listing(root) if split == "train" else train_listing(root, mmtracking_key_frames=False)
    except DataError:
        return Listing((), (), (), ())


def _open_json(
    path: Path, split: Split, mmtracking: bool, include_det: bool, cache: bool, progress: bool, options: str
) -> VideoIndex:
    det = path.parent / coco_vid.DET_FILE
    files = [path, det] if include_det and det.is_file() else [path]
    if not path.exists() and find_json(path.parent, split) == path:
        other = "use --split train" if split == "val" else "evaluate on the other file with --split val"
        raise DataError.at(path.parent, "", f"there is no {path.name}", f"Write it, or {other}.")
    name = f"{path.stem}_{options}"
    stamp = index_cache.fingerprint(name, files, path.parent) if cache else ""
    table = index_cache.load(path.parent, name, stamp) if cache else None
    if table is None:
        shift = -1 if mmtracking else 0
        table = coco_vid.build_table(files, key_frames=split == "train", shift=shift, progress=progress)
        if cache:
            index_cache.save(path.parent, name, table, stamp)
    video_root, still_root = coco_vid.image_folders(path, table)
    return VideoIndex(table, video_root, still_root, _troubles(path.parent, table))


def _troubles(folder: Path, table: IndexTable) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Read at once, not when first asked for: a mistake in it must not end an evaluation after hours."""
    frame_counts = dict(zip(table.names, table.frame_counts.tolist(), strict=True))
    return read_troubles(folder / "troubles.json", frame_counts)


def require_ilsvrc(path: Path) -> None:
    """Raise a DataError that says what to give instead, unless this is an ILSVRC folder."""
    if (path / "Annotations/VID").is_dir():
        return
    remedy = "Give the folder that holds Annotations/VID and Data/VID, or a COCO-VID or COCO .json file."
    if not path.exists():
        raise DataError.at(path, "", "it does not exist", remedy)
    if (path / "Data/VID").is_dir():
        raise DataError.at(path, "", "it has Data/VID but no Annotations/VID", "Unpack the annotations there too.")
    if path.is_file():
        raise DataError.at(path, "", "it is not a .json file", remedy)
    inside = [child for child in sorted(path.glob("*")) if (child / "Annotations/VID").is_dir()]
    others = sorted(path.glob("*.json"))
    if others and not inside:
        names = ", ".join(file.name for file in others[:3]) + (", ..." if len(others) > 3 else "")
        remedy = f"Give {others[0]}, or name your files train.json and val.json and give their folder."
        raise DataError.at(path, "", f"it holds {names}, but neither train.json nor val.json", remedy)
    if inside:
        remedy = f"Did you mean {inside[0]}?"
    raise DataError.at(path, "", "this is not an ILSVRC folder", remedy)


def watched(root: Path, videos: Listing, stills: Listing | None) -> list[Path]:
    """What the cached index depends on."""
    watched = [root / CLASSES_FILE, *videos.sources]
    for name in videos.names:
        watched += [root / "Annotations/VID" / name, root / "Data/VID" / name]
    frames = sum(300 if count is None else count for count in videos.frame_counts)
    if frames <= _FEW_FRAMES:
        watched += [file for name in videos.names for file in annotation_files(root, name)]
    if stills is not None:
        watched += stills.sources
        folders = {name.rpartition("/")[0] for name in stills.names}
        watched += [root / "Annotations/DET" / folder for folder in sorted(folders)]
    return watched
