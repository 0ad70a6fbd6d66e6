"""A study on the disk: a json of all records, an npz of all maps, a table per level of what the maps' points are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clab_lite.config import WeightScheduleConfig
from clab_lite.errors import DataError
from clab_lite.files import replaced, write_text
from clab_lite.schedule import contrast_schedule
from clab_lite.study.observe import LEVELS
from clab_lite.study.record import CLOUD, RECORD, Record
from clab_lite.study.run import POINTS
from clab_lite.study.setting import Setting, Shape

RECORDS = "records.json"
CLOUDS = "clouds.npz"
COMMAND = "clab-lite study runs/study"


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
        train_videos: int = 128,
        seed: int = 0,
    ) -> Record:
        """The measured run nearest to what is asked. The caller says how it differs.

        Level and number of training videos count most, then the start weight and the temperature (in powers of ten),
        the course of the weight (the mean distance between the two curves, both from 1), and last the seed.

        Raises:
            DataError: the study has no records.
        """
        if not self.records:
            raise DataError(f"the study holds no runs. Make them with `{self.command}`.")
        asked = _course(shape, until)

        def distance(record: Record) -> float:
            has = record.setting
            pulls = start > 0 or has.start > 0  # without weight, its course and its temperature change nothing
            course = np.abs(asked - _course(has.shape, has.until)).mean() if pulls else 0.0
            heat = abs(math.log10(temperature / has.temperature)) if pulls else 0.0
            other_data = 10 * (level != has.level and has.start > 0) + 10 * (train_videos != has.train_videos)
            weight = 2 * abs(_decades(start) - _decades(has.start))
            return float(weight + course + heat + other_data + 0.001 * abs(seed - has.seed))

        return min(self.records, key=distance)


def _course(shape: Shape, until: float) -> NDArray[np.float64]:
    weight = contrast_schedule(WeightScheduleConfig(shape=shape, start=1.0, until=until), 1)
    return np.array([weight(progress) for progress in np.linspace(0, 1, 101)])


def _decades(weight: float) -> float:
    """log10 of a weight; zero counts as a decade and a half below the paper's 0.005."""
    return math.log10(max(weight, 0.00015))


def collect(folder: Path) -> Study:
    """The runs that `clab_lite.study.run.make_run` left in the sub-folders of a folder.

    Raises:
        DataError: a record cannot be read.
    """
    records: list[Record] = []
    points: dict[str, pd.DataFrame] = {}
    for path in sorted(folder.glob(f"*/{RECORD}")):
        with np.load(path.parent / CLOUD) as clouds:
            records.append(Record.from_dict(_json(path), dict(clouds), path))
        points = points or {level: _table(path.parent / POINTS.format(level=level)) for level in LEVELS}
    return Study(_ordered(records), points, COMMAND)


def save_study(study: Study, folder: Path) -> None:
    """Write the study as the few small files that `open_study` reads."""
    clouds = {f"{r.name}/{key}": points for r in study.records for key, points in r.clouds().items()}
    for level, table in study.points.items():
        with replaced(folder / POINTS.format(level=level)) as beside:
            table.to_csv(beside, index=False)
    with replaced(folder / CLOUDS) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **clouds)  # type: ignore[arg-type]
    lines = ",\n".join(json.dumps(record.to_dict(), separators=(",", ":")) for record in study.records)
    write_text(folder / RECORDS, f'{{"command": {json.dumps(study.command)}, "records": [\n{lines}\n]}}\n')


def open_study(folder: str | Path) -> Study:
    """Read what `save_study` wrote.

    Raises:
        DataError: a file is missing or wrong.
    """
    path = Path(folder) / RECORDS
    content = _json(path)
    if not isinstance(content, dict) or not isinstance(content.get("records"), list):
        raise DataError.at(path, "", "is no study: it has no list of records", f"Make it anew with `{COMMAND}`.")
    with np.load(path.with_name(CLOUDS)) as file:
        clouds = dict(file)
    records = []
    for values in content["records"]:
        name = Setting(**values["setting"]).name if isinstance(values, dict) and "setting" in values else ""
        own = {key.removeprefix(f"{name}/"): points for key, points in clouds.items() if key.startswith(f"{name}/")}
        records.append(Record.from_dict(values, own, path))
    points: dict[str, pd.DataFrame] = {level: _table(path.with_name(POINTS.format(level=level))) for level in LEVELS}
    return Study(_ordered(records), points, str(content["command"]))


def _ordered(records: Sequence[Record]) -> tuple[Record, ...]:
    return tuple(sorted(records, key=lambda record: record.name))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError.at(path, "", "no such study", f"Make it with `{COMMAND}`.") from error
    except ValueError as error:
        raise DataError.at(path, "", f"is not JSON ({error})", f"Make it anew with `{COMMAND}`.") from error


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False)
