"""A folder that a lesson may fill anew, and never one of the learner's own."""

from __future__ import annotations

import shutil
from pathlib import Path

from clab_lite.errors import DataError

MARK = ".made_by_a_lesson"


def cleared(folder: Path) -> Path:
    """The folder, gone when a lesson had made it; left alone when it is empty or not there.

    Raises:
        DataError: it holds files and no lesson made it.
    """
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise DataError.at(folder, "", "holds files that no lesson has written", "Name a new folder.")
        shutil.rmtree(folder)
    return folder


def marked(folder: Path) -> Path:
    """The folder, now known as made by a lesson."""
    (folder / MARK).touch()
    return folder
