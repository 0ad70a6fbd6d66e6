"""A study on the disk: a json of all records, an npz of all maps, a table per level of what the maps' points are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clab_lite.array_file import read_arrays
from clab_lite.checksums import require_sum
from clab_lite.data.source_file import read_json, require_file
from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.files import replaced, write_text
from clab_lite.study.nearest import nearest_of
from clab_lite.study.observe import LEVELS
from clab_lite.study.origin import require_one_study
from clab_lite.study.record import CLOUD, RECORD, Record, name_in
from clab_lite.study.run import POINTS
from clab_lite.study.setting import Setting, Shape

RECORDS = "records.json"
CLOUDS = "clouds.npz"
STUDY_FILES = (RECORDS, CLOUDS, *(POINTS.format(level=level) for level in LEVELS))
FORMAT = 1
"""Version of records.json; raised when an older clab-lite could not read a new one."""
COMMAND = "clab-lite study runs/study"
_MAX_MAPS = 200_000_000
"""Bytes of all maps together, unpacked."""
_COLUMNS = ("video", "video_name", "frame", "track", "label", "class_name", "troubles")
_REMEDY = f"Copy data_samples/study from the repository, or make it with `{COMMAND}` (hours)."
_AGAIN = "Gather it again with `clab-lite study OUT --gather`, or copy all of its files from the repository."
_RUN_REMEDY = "Remove the folder of this run, and make it again with `clab-lite study`."


@dataclass(frozen=True)
class Study:
    """Measured runs."""

    records: tuple[Record, ...]
    points: dict[str, pd.DataFrame]
    """level -> what the rows of every cloud are: video, video_name, frame, track, label, class_name, troubles."""
    command: str
    """Makes the study again."""

    def of(self, setting: Setting) -> tuple[Record, ...]:
        """Runs of this setting, of any seed, by seed."""
        found = [record for record in self.records if record.setting.arm == setting.arm]
        return tuple(sorted(found, key=lambda record: record.setting.seed))

    def nearest(
        self,
        *,
        start: float,
        shape: Shape = "linear",
        until: float = 0.5,
        temperature: float = 0.1,
        level: Literal["frame", "object"] = "frame",
        clips: int = Setting.clips,
        train_videos: int = Setting.train_videos,
        iterations: int = Setting.iterations,
        seed: int = 0,
    ) -> Record:
        """The measured run nearest to what is asked: see `clab_lite.study.nearest`. The caller says how it differs.

        Raises:
            DataError: the study has no records, or a value is none that a setting may have.
        """
        if not self.records:
            raise DataError(f"the study holds no runs. Make them with `{self.command}`.")
        return nearest_of(
            self.records, Setting(start, shape, until, temperature, level, clips, train_videos, iterations, seed)
        )


def collect(folder: Path) -> Study:
    """The runs that `clab_lite.study.run.make_run` left in the sub-folders of a folder.

    Raises:
        DataError: there are none, one cannot be read, or they are not of one study: made of other data, configurations
            or versions, or with other points in their maps.
    """
    records: list[tuple[Path, Record]] = []
    points: dict[str, pd.DataFrame] = {}
    for path in sorted(folder.glob(f"*/{RECORD}")):
        record = read_run(path.parent)
        own: dict[str, pd.DataFrame] = {
            level: _table(path.with_name(POINTS.format(level=level)), _RUN_REMEDY) for level in LEVELS
        }
        points = points or own
        if not all(own[level].equals(points[level]) for level in LEVELS):
            problem = f"its maps are of other videos than those of {records[0][0].parent.name}"
            raise DataError.at(path.parent, "", problem, _RUN_REMEDY)
        _require_rows(record, points, path, _RUN_REMEDY)
        records.append((path, record))
    require_runs(folder)
    require_one_study(records)
    return Study(_ordered([record for _, record in records]), points, COMMAND)


def read_run(folder: Path) -> Record:
    """The record of one run folder. DataError: it is missing or wrong."""
    path = folder / RECORD
    return Record.from_dict(read_json(path, _RUN_REMEDY), _arrays(folder / CLOUD, _RUN_REMEDY), path)


def require_runs(folder: Path) -> None:
    """DataError unless there is a run in a sub-folder."""
    if not any(folder.glob(f"*/{RECORD}")):
        raise DataError.at(folder, "", "holds no runs of a study", f"Make them with `clab-lite study {folder}`.")


def save_study(study: Study, folder: Path) -> None:
    """Write the study as the few small files that `open_study` reads; records.json comes last and knows its maps."""
    clouds = {f"{r.name}/{key}": points for r in study.records for key, points in r.clouds().items()}
    for level, table in study.points.items():
        with replaced(folder / POINTS.format(level=level)) as beside:
            table.to_csv(beside, index=False)
    with replaced(folder / CLOUDS) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **clouds)  # type: ignore[arg-type]
    about = {KEY: FORMAT, "command": study.command, "clouds": _digest(folder / CLOUDS)}
    lines = ",\n".join(json.dumps(record.to_dict(), separators=(",", ":")) for record in study.records)
    write_text(folder / RECORDS, f'{json.dumps(about)[:-1]}, "records": [\n{lines}\n]}}\n')


def open_study(folder: str | Path) -> Study:
    """Read what `save_study` wrote.

    Raises:
        DataError: a file is missing or wrong, or they do not belong together.
    """
    path = Path(folder) / RECORDS
    for name in STUDY_FILES:
        require_sum(path.with_name(name))
    content = read_json(path, _REMEDY)
    if not isinstance(content, dict) or not isinstance(content.get("records"), list):
        raise DataError.at(path, "", "is no study: it has no list of records", _REMEDY)
    require_format(content.get(KEY), FORMAT, path)
    clouds = _arrays(path.with_name(CLOUDS), _REMEDY)
    if content.get("clouds", _digest(path.with_name(CLOUDS))) != _digest(path.with_name(CLOUDS)):  # older: not kept
        raise DataError.at(path.with_name(CLOUDS), "", f"holds the maps of other runs than {RECORDS} beside it", _AGAIN)
    points: dict[str, pd.DataFrame] = {
        level: _table(path.with_name(POINTS.format(level=level)), _REMEDY) for level in LEVELS
    }
    records = []
    for values in content["records"]:
        prefix = f"{name_in(values, path)}/"
        own = {key.removeprefix(prefix): cloud for key, cloud in clouds.items() if key.startswith(prefix)}
        records.append(Record.from_dict(values, own, path))
        _require_rows(records[-1], points, path, _AGAIN)
    return Study(_ordered(records), points, str(content.get("command", COMMAND)))


def _ordered(records: Sequence[Record]) -> tuple[Record, ...]:
    return tuple(sorted(records, key=lambda record: record.name))


def _require_rows(record: Record, points: Mapping[str, pd.DataFrame], place: Path, remedy: str) -> None:
    """DataError unless every map has one point for each row of the table."""
    for moment in record.moments:
        for level, cloud in moment.cloud.items():
            rows = len(points[level]) if level in points else 0
            if cloud.shape != (rows, 2):
                problem = f"a map of {level}s is {cloud.shape}, its table of points has {rows} rows"
                raise DataError.at(place, f"record {record.name}, step {moment.iteration}", problem, remedy)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _arrays(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    try:
        return read_arrays(path, max_bytes=_MAX_MAPS)
    except Exception as error:  # see `read_arrays`
        raise DataError.at(path, "", f"cannot be read as maps ({error!r})", remedy) from error


def _table(path: Path, remedy: str) -> pd.DataFrame:
    require_file(path, "it", remedy=remedy)
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError.at(path, "", f"cannot be read as a table ({error!r})", remedy) from error
    absent = [name for name in _COLUMNS if name not in table.columns]
    if absent:
        raise DataError.at(path, "", f"lacks the columns {', '.join(absent)}", remedy)
    return table
