"""Write a world to disk in ImageNet VID layout. The folder appears complete or not at all (target.py)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from clab_lite.data.cache import INDEX_FOLDER
from clab_lite.data.fresh_processes import fresh_processes
from clab_lite.data.source_file import read_json
from clab_lite.data.world.config import SPLITS, WorldConfig
from clab_lite.data.world.readme import world_readme
from clab_lite.data.world.records import annotation_xml, list_files, snippet_name
from clab_lite.data.world.render import render_video
from clab_lite.data.world.target import BUILDING, beside, swap, tidy_up
from clab_lite.errors import DataError
from clab_lite.files import followed, naming, write_picture
from clab_lite.locks import reserved

README_FILE = "README.md"
WORLD_FILE = "world.json"
TROUBLES_FILE = "troubles.json"
COMPANIONS = ("trained", "study")
"""Folders that travel with a world: detectors and runs that were trained on it. A world drawn anew keeps them."""


def make_world(
    root: str | os.PathLike[str], config: WorldConfig, *, progress: bool = True, overwrite: bool = False
) -> None:
    """Render the world of ``config`` into the folder ``root``.

    Everything is written into a hidden folder beside ``root`` and renamed at the end, so an interruption leaves
    what was there before (after a kill in the wrong instant, under a hidden name that the next call renames back).

    Args:
        root: the folder to make; it must not exist, or be empty. A link is followed.
        config: what to make; it is kept in ``world.json``.
        progress: show a progress bar with the time left.
        overwrite: replace ``root`` when it is an earlier sample world (it holds ``world.json`` and no file that
            is not the world's own); nothing else is ever replaced.

    Raises:
        DataError: ``root`` holds something that must not be replaced, or is the current folder; another process makes
            a world there.
        OSError: it cannot be written; what was there is still there.
    """
    target = followed(root)
    _check_target(target, overwrite)  # before anything is made beside it
    with reserved(target):
        tidy_up(target)
        _check_target(target, overwrite)
        building = beside(target, BUILDING)
        try:
            with naming(target):
                building.mkdir()
                _fill(building, config, progress)
                for name in COMPANIONS:
                    if (target / name).is_dir():
                        shutil.copytree(target / name, building / name)
                swap(building, target)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def load_config(root: str | os.PathLike[str]) -> WorldConfig:
    """The configuration a sample world was made with."""
    path, remedy = Path(root) / WORLD_FILE, "Give the folder of a sample world."
    content = read_json(path, remedy)
    if not isinstance(content, dict):
        raise DataError.at(path, "", "it holds no settings", remedy)
    try:
        return WorldConfig.from_dict(content)
    except (ValueError, TypeError) as error:
        raise DataError.at(path, "", f"not readable ({error})", remedy) from error


def _check_target(target: Path, overwrite: bool) -> None:
    if Path.cwd().is_relative_to(target):
        problem = "this is the current folder, or holds it"
        raise DataError.at(target, "", problem, "Give the name of a new folder, or call from elsewhere")
    if not target.exists():
        return
    if not target.is_dir():
        raise DataError.at(target, "", "this is a file", "Choose the name of a new folder")
    if not any(target.iterdir()):
        return
    if not (target / WORLD_FILE).is_file():
        raise DataError.at(target, "", "the folder holds other files", "Choose a new or an empty folder")
    if not overwrite:
        raise DataError.at(target, "", "a sample world is already here", "Choose a new folder or ask to overwrite it")
    foreign = _foreign_file(target)
    if foreign is not None:
        problem = "the sample world would be replaced, and this file is not part of it"
        raise DataError.at(foreign, "", problem, "Move the file elsewhere, or choose a new folder")


def _foreign_file(root: Path) -> Path | None:
    """A file below the world's folder that making it did not write; the stored index and companions may be there."""
    config = load_config(root)
    names = {TROUBLES_FILE, README_FILE, WORLD_FILE, *list_files(config, [()] * config.train_videos)}
    for split in SPLITS:
        for number in range(config.videos(split)):
            name = snippet_name(split, number)
            for frame in range(config.frames(split)):
                names |= {f"Data/VID/{name}/{frame:06d}.JPEG", f"Annotations/VID/{name}/{frame:06d}.xml"}
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in (INDEX_FOLDER, *COMPANIONS)]
        below = Path(folder).relative_to(root)
        for name in files:
            if (below / name).as_posix() not in names:
                return Path(folder) / name
    return None


def _fill(root: Path, config: WorldConfig, progress: bool) -> None:
    tasks = [(split, number) for split in SPLITS for number in range(config.videos(split))]
    troubles: dict[str, list[list[str]]] = {}
    classes: dict[str, list[str]] = {}
    for name, video_troubles, video_classes in tqdm(
        _results(root, config, tasks), total=len(tasks), desc="sample world", unit="video", disable=not progress
    ):
        troubles[name] = video_troubles
        classes[name] = video_classes
    train_classes = [classes[snippet_name("train", number)] for number in range(config.train_videos)]
    texts = list_files(config, train_classes)
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(troubles[name])}" for name in sorted(troubles))
    texts[TROUBLES_FILE] = f"{{\n{rows}\n}}\n"
    texts[README_FILE] = world_readme(config)
    texts[WORLD_FILE] = json.dumps(config.to_dict(), indent=2) + "\n"
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


_Result = tuple[str, list[list[str]], list[str]]


def _results(root: Path, config: WorldConfig, tasks: list[tuple[str, int]]) -> Iterator[_Result]:
    work = partial(_write_video, root, config)
    if config.workers == 1:
        yield from map(work, tasks)
        return
    with fresh_processes(config.workers) as pool:
        yield from pool.map(work, tasks, chunksize=4)


def _write_video(root: Path, config: WorldConfig, task: tuple[str, int]) -> _Result:
    """Render and write one video; returns its name, its troubles per frame and the classes annotated in it."""
    split, number = task
    name = snippet_name(split, number)
    video = render_video(config, split, number)
    data, annotations = root / "Data" / "VID" / name, root / "Annotations" / "VID" / name
    data.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for frame, (pixels, objects) in enumerate(zip(video.frames, video.objects, strict=True)):
        image = Image.fromarray(pixels)
        write_picture(data / f"{frame:06d}.JPEG", image, "JPEG", quality=config.jpeg_quality, optimize=True)
        text = annotation_xml(name, frame, config, objects)
        (annotations / f"{frame:06d}.xml").write_text(text, encoding="utf-8", newline="\n")
    present = sorted({item.class_name for objects in video.objects for item in objects})
    return name, [list(names) for names in video.troubles], present
