"""What training and validation share: source videos, names, and images that are the same file twice."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.check.examine import Examined
from clab_lite.data.check.report import CheckLine, plural
from clab_lite.data.video_index import Video

COMPARED = 200
"""Pairs of images compared byte by byte; with more, these are spread evenly and the count is an estimate."""

_TOLERATED = 0.01
"""Share of validation images also in training above which scores mean nothing: a few may be black or blank."""

_STEP = "Move them to one of the splits: scores on frames that were trained on say nothing about new ones."


def check_names(train: Sequence[str], val: Sequence[str]) -> list[CheckLine]:
    """Source videos with snippets in both splits, and videos of the same name."""
    sources = {_source(name) for name in train}
    cut_up = [name for name in val if _source(name) in sources]
    last_parts = {name.rpartition("/")[2] for name in train}
    same = [name for name in val if name.rpartition("/")[2] in last_parts and name not in set(cut_up)]
    lines = []
    if cut_up:
        text = f"{plural(len(cut_up), 'validation video')} of the same source video as a training video"
        lines.append(CheckLine("FAIL", text, _STEP, tuple(cut_up)))
    if same:
        text = f"{plural(len(same), 'validation video')} with the name of a training video"
        step = "If they show the same recording, move them to one of the splits; else give them other names."
        lines.append(CheckLine("WARN", text, step, tuple(same)))
    return lines


def check_images(train: Sequence[Examined], val: Examined) -> list[CheckLine]:
    """Validation images that are, byte for byte, also training images."""
    marks, files = _marked([val])
    train_marks, train_files = _marked(train)
    total = len(marks)
    shared = np.flatnonzero(np.isin(marks, train_marks))
    if not len(shared):
        text = (
            f"none of the {plural(total, 'validation image')} is a training image too"
            if total and len(train_marks)
            else ""
        )
        return [CheckLine("OK", text)] if text else []
    order = np.argsort(train_marks, kind="stable")
    compared = shared[np.linspace(0, len(shared) - 1, min(len(shared), COMPARED)).round().astype(np.int64)]
    equal = []
    for position in compared.tolist():
        other = order[np.searchsorted(train_marks, marks[position], sorter=order)]
        pair = files.path(position), train_files.path(int(other))
        if _same(*pair):
            equal.append(f"{pair[0]} is also {pair[1]}")
    if not equal:
        return [CheckLine("OK", f"none of the {plural(total, 'validation image')} is a training image too")]
    count = round(len(shared) * len(equal) / len(compared))
    about = "about " if len(compared) < len(shared) else ""
    level = "FAIL" if count > _TOLERATED * total else "WARN"
    shared_images = "is also a training image" if count == 1 else "are also training images"
    text = f"{about}{count:,} of {plural(total, 'validation image')} {shared_images}, byte for byte"
    return [CheckLine(level, text, _STEP, tuple(equal))]  # type: ignore[arg-type]


class _Files:
    """The file of each readable image of many parts, found by its position among them."""

    def __init__(self, examined: Sequence[Examined]) -> None:
        self._parts = [part for one in examined for part in one.parts]
        counts = [len(result.marks) for one in examined for result in one.results]
        self._starts = np.cumsum([0, *counts])
        self.readable: NDArray[np.int64] = np.zeros(0, np.int64)

    def path(self, position: int) -> Path:
        row = int(self.readable[position])
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._parts[part].image(row - int(self._starts[part]))


def _marked(examined: Sequence[Examined]) -> tuple[NDArray[np.uint64], _Files]:
    """(N,) the marks of all readable images, and their files."""
    marks = np.concatenate([np.zeros(0, np.uint64)] + [r.marks for one in examined for r in one.results])
    files = _Files(examined)
    files.readable = np.flatnonzero(marks)
    return marks[files.readable], files


def _same(first: Path, second: Path) -> bool:
    try:
        return filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False


def _source(name: str) -> str:
    return Video(name, 1, 0, 0).source
