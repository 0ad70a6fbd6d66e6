"""A folder of results that are replaced together, and never mixed with files of anyone else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

from clab_lite.errors import DataError
from clab_lite.files import try_folder, write_json

SUMMARY = "summary.json"
_FILES = "files"


class ResultFolder:
    """New results are made in a hidden folder inside; `keep` moves them to their places in one go."""

    def __init__(self, folder: Path, planned: Iterable[str]) -> None:
        """
        Args:
            folder: new, empty, or with earlier results, as its summary.json lists them.
            planned: names, relative to the folder, that may be written.

        Raises:
            DataError: a planned file is there and is not from earlier results; or other files, and no results.
        """
        self.folder = folder
        try_folder(folder)
        self._earlier = self._listed()
        taken = [name for name in planned if (folder / name).exists() and name not in self._earlier]
        if taken:
            raise self._not_ours(folder / taken[0])
        self.staging = Path(mkdtemp(prefix=".results.", suffix=".part", dir=folder))

    def keep(self, summary: dict) -> Path:
        """Replace the earlier results by what was made; summary.json, with the list of files, comes last.

        Returns:
            The path of summary.json.
        """
        made = sorted(path.relative_to(self.staging).as_posix() for path in self.staging.rglob("*") if path.is_file())
        for name in self._earlier - {*made, SUMMARY}:
            (self.folder / name).unlink(missing_ok=True)
        for name in made:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.staging / name, self.folder / name)
        emptied = {self.folder / Path(name).parent for name in self._earlier} - {self.folder}
        for place in emptied:
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
        write_json(self.folder / SUMMARY, {**summary, _FILES: made})
        return self.folder / SUMMARY

    def discard(self) -> None:
        """Remove the hidden folder with what was not kept."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def _listed(self) -> set[str]:
        """Names of earlier results, summary.json among them; parts that a killed process left are removed."""
        path = self.folder / SUMMARY
        if not path.exists():
            others = [other for other in self.folder.iterdir() if not _is_part(other)]
            if others:
                raise self._not_ours(others[0])
        for part in filter(_is_part, self.folder.iterdir()):
            shutil.rmtree(part, ignore_errors=True)
        if not path.exists():
            return set()
        try:
            names = set(json.loads(path.read_text(encoding="utf-8"))[_FILES])
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_ours(path) from error
        foreign = [name for name in names if not isinstance(name, str) or not _is_inside(name)]
        if foreign:
            raise self._not_ours(path)
        return names | {SUMMARY}

    @staticmethod
    def _not_ours(path: Path) -> DataError:
        problem = "is not from earlier detections and would be mixed with new ones"
        return DataError.at(path, "", problem, "Name another --out.")


def _is_part(path: Path) -> bool:
    return path.is_dir() and path.name.startswith(".results.") and path.name.endswith(".part")


def _is_inside(name: str) -> bool:
    """Whether a listed name stays inside the folder: what is listed gets removed."""
    return bool(name) and not Path(name).is_absolute() and ".." not in Path(name).parts
