"""A tiny world on disk, and ways to damage it as real downloads and copies do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from clab_lite.data.check import check_dataset
from clab_lite.data.world.config import WorldConfig
from clab_lite.data.world.write import make_world
from clab_lite.errors import DataError
from clab_lite.files import write_text
from clab_lite.lessons.own_data.fresh import cleared, marked


def tiny_world(folder: Path) -> Path:
    """Draw five videos of four frames into `folder` in ILSVRC layout; an earlier one of this function is replaced.

    Returns the folder.

    Raises:
        DataError: the folder holds anything else.
    """
    config = WorldConfig(seed=3, width=96, height=64, train_videos=3, val_videos=2, train_frames=4, val_frames=4)
    make_world(cleared(folder), config, progress=False)
    return marked(folder)


def cut_short(folder: Path) -> Path:
    """The download ended too early: half of a picture is missing."""
    path = _files(folder, "train", "JPEG")[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def lost_frame(folder: Path) -> Path:
    """A picture in the middle of a video was not copied."""
    path = _files(folder, "train", "JPEG")[5]
    path.unlink()
    return path


def typing_error(folder: Path) -> Path:
    """Somebody corrected a box by hand, in words."""
    path = _files(folder, "train", "xml")[8]
    text = path.read_text(encoding="utf-8")
    write_text(path, re.sub(r"<xmax>\d+</xmax>", "<xmax>seventy</xmax>", text, count=1))
    return path


def other_size(folder: Path) -> Path:
    """The pictures were made smaller, the annotations were not."""
    path = _files(folder, "val", "xml")[1]
    text = path.read_text(encoding="utf-8")
    write_text(path, re.sub(r"<width>\d+</width>", "<width>1280</width>", text))
    return path


def shared_video(folder: Path) -> Path:
    """A training video was copied into validation: the score would be one of memory."""
    name = _files(folder, "train", "JPEG")[0].parent.name
    batch = _files(folder, "train", "JPEG")[0].parent.parent.name
    for part in ("Data", "Annotations"):
        shutil.copytree(folder / part / "VID/train" / batch / name, folder / part / "VID/val" / name)
    with (folder / "Lists/VID_val_videos.txt").open("a", encoding="utf-8") as file:
        file.write(f"val/{name} 9 0 4\n")
    return folder / "Data/VID/val" / name


DAMAGES: dict[str, Callable[[Path], Path]] = {
    "cut short": cut_short,
    "lost frame": lost_frame,
    "typing error": typing_error,
    "other size": other_size,
    "shared video": shared_video,
}
"""Name -> what does it to a folder and returns the file or folder that it touched."""


def damage(folder: Path, names: Sequence[str] = tuple(DAMAGES)) -> Path:
    """Draw the tiny world anew in `folder`, and damage it in the named ways.

    Raises:
        DataError: there is no such damage.
    """
    for name in names:
        if name not in DAMAGES:
            raise DataError(f"there is no damage {name!r}. Choose among {', '.join(DAMAGES)}.")
    tiny_world(folder)
    for name in names:
        DAMAGES[name](folder)
    return folder


def check(folder: Path, level: str = "") -> None:
    """Print what `clab-lite check FOLDER` prints; of one level only ("FAIL", "WARN", "OK") when it is given."""
    report = check_dataset(folder, progress=False, workers=1)
    chosen = [line for line in report.lines if level in ("", line.level)]
    print("\n".join(str(line) for line in chosen).replace(str(folder), folder.name))


def _files(folder: Path, split: str, suffix: str) -> list[Path]:
    """All files of a split, in order."""
    part = "Data" if suffix == "JPEG" else "Annotations"
    return sorted((folder / part / "VID" / split).rglob(f"*.{suffix}"))
