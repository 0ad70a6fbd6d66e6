"""Readers of whole datasets, of which one or two files are not what they should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from clab_lite.data.check import check_dataset
from clab_lite.data.vid import Split, open_dataset
from clab_lite.errors import DataError
from trials.fuzz.hostile import NAMES
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_json import changed_json
from trials.fuzz.mutate_lines import LINES
from trials.fuzz.mutate_xml import XML
from trials.fuzz.strategies import json_like
from trials.fuzz.target import Changes, Link, Mutator, Special, Target, Tree, mutated
from trials.fuzz.use import use_checked, use_index
from trials.fuzz.worlds import ilsvrc_tree, json_tree, voc_tree

_MUTATORS: dict[str, tuple[Mutator, ...]] = {
    ".xml": (*XML, *BYTES[:6]),
    ".json": (*(changed_json,) * 12, *BYTES),
    ".txt": (*LINES * 6, *BYTES),
}
"""By the end of a file's name; bytes of all others."""

_LINKS = ("..", "/", "/dev/null", "/etc/hostname", "nowhere", "../../../../../../../../etc/hostname")
_PIPES = hasattr(os, "mkfifo")


def change_tree(rng: Random, tree: Tree) -> Changes:
    """One or two files are changed, missing, something else, or there under other names."""
    changes: Changes = {}
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(_evenly(rng, tree))
        ending = Path(name).suffix
        kind = rng.random()
        if kind < 0.8:
            changes[name] = mutated(rng, tree[name], _MUTATORS.get(ending, BYTES))
        elif kind < 0.84:
            changes[name] = Special("gone")
        elif kind < 0.88:
            changes[name] = Special("pipe" if _PIPES and rng.random() < 0.5 else "folder")
        elif kind < 0.94:
            changes[name] = Link(rng.choice((*_LINKS, Path(name).name, str(Path(name).parent))))
        else:
            hostile = rng.choice([text for text in NAMES if "/" not in text and "\\" not in text and "\0" not in text])
            changes[f"{Path(name).parent}/{hostile}{ending}"] = tree[name]
    return changes


def _evenly(rng: Random, tree: Tree) -> list[str]:
    """The files of one kind: lists are fewer than frames, and matter more."""
    endings = sorted({Path(name).suffix for name in tree})
    ending = rng.choice(endings)
    return [name for name in tree if name.endswith(ending)]


def change_folder_json(rng: Random, tree: Tree) -> Changes:
    """Mostly train.json and val.json."""
    if rng.random() < 0.1:
        return change_tree(rng, tree)
    name = rng.choice(("train.json", "val.json"))
    return {name: mutated(rng, tree[name], _MUTATORS[".json"])}


def _open(root: Path) -> None:
    for split in ("train", "val"):
        index = open_dataset(root, split, include_det=True, cache=False, progress=False)
        use_index(index, root, load=1)


def _open_train(root: Path) -> None:
    use_index(open_dataset(root, "train", progress=False), root, load=1)


def _check(root: Path) -> None:
    report = check_dataset(root, progress=False, workers=1, fresh=True)
    refused = None
    try:
        for split in _splits(root):
            open_dataset(root, split, include_det=True, cache=False, progress=False)
    except DataError as error:
        refused = error
    use_checked(report.full_text(), report.ok, refused)
    if not report.ok:
        raise DataError(f"{root}: {report.verdict.text}. {report.verdict.next_step}")


def _target(
    name: str,
    tree: Callable[[], Tree],
    read: Callable[[Path], None],
    inputs: int,
    change: Callable[[Random, Tree], Changes] = change_tree,
    **more: Any,
) -> Target:
    return Target(name, tree, change, read, inputs, **more)


def _splits(root: Path) -> list[Split]:
    """Those that are there; a check only remarks on one that is not."""
    splits: tuple[Split, ...] = ("train", "val")
    return [
        split for split in splits if (root / f"{split}.json").is_file() or (root / "Annotations/VID" / split).is_dir()
    ]


TARGETS: tuple[Target, ...] = (
    _target("ILSVRC folder", ilsvrc_tree, _open, 1_000),
    _target("json dataset", json_tree, _open, 3_000, change_folder_json, guided="train.json", strategy=json_like),
    _target("VOC folder", voc_tree, _open_train, 2_000),
    _target("check of a folder", ilsvrc_tree, _check, 400),
    _target("check of json files", json_tree, _check, 800, change_folder_json),
)
