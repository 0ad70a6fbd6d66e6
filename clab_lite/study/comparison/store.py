"""The comparison on the disk: one small json, made of the records of the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clab_lite.checksums import listed_anew, require_sum
from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.files import write_text
from clab_lite.study.comparison.arms import ARMS, ArmName, plan
from clab_lite.study.comparison.record import RECORD, ArmRecord
from clab_lite.study.comparison.run import make_arm, origin
from clab_lite.study.worlds import study_videos
from clab_lite.training.folder_lock import FolderInUse, hold
from clab_lite.training.losses import TrainingDiverged

COMPARISON = "comparison.json"
FORMAT = 1
"""Version of comparison.json; raised when an older clab-lite could not read a new one."""
COMMAND = "clab-lite study runs/comparison --plan methods"
WORLD = "world"
_REMEDY = f"Copy data_samples/methods/comparison from the repository, or make it with `{COMMAND}`."


@dataclass(frozen=True)
class Comparison:
    """Measured runs."""

    records: tuple[ArmRecord, ...]
    command: str
    """Makes them again."""

    def of(self, name: ArmName) -> tuple[ArmRecord, ...]:
        """The runs of one arm, by seed."""
        found = [record for record in self.records if record.arm.name == name]
        return tuple(sorted(found, key=lambda record: record.arm.seed))


def make_arms(samples: Path, out: Path, most: int | None = None) -> list[str]:
    """Make the runs of the plan that have no record in `out`, at most so many, and say what came out.

    Several processes may do this in one folder.

    Returns:
        Names of the runs that are still missing, with the reason where one diverged or is made elsewhere.

    Raises:
        DataError: bad data, or a run that is there was made of other data, configurations or versions.
    """
    videos = study_videos(samples, out / WORLD, "methods")
    arms, made, missing = plan(), 0, []
    for number, arm in enumerate(arms, start=1):
        folder = out / arm.folder
        if (folder / RECORD).exists():
            _require_same(folder / RECORD, read_record(folder / RECORD), origin(arm, videos))
            continue
        if most is not None and made >= most:
            missing.append(arm.folder)
            continue
        print(f"methods {number}/{len(arms)}: {arm.folder} ...", flush=True)
        made += 1
        try:
            with hold(folder) as held:
                record = make_arm(arm, videos, held)
        except (FolderInUse, TrainingDiverged) as error:
            missing.append(f"{arm.folder}: {error}")
            continue
        print(_line(record), flush=True)
    return missing


def collect_arms(folder: Path) -> Comparison:
    """The runs below a folder.

    Raises:
        DataError: there are none, or two were made of different data or versions.
    """
    places = sorted(folder.glob(f"*/{RECORD}"))
    if not places:
        raise DataError.at(folder, "", "holds no runs of the comparison", f"Make them with `{COMMAND}`.")
    records = [read_record(place) for place in places]
    seen: dict[tuple[str, str], tuple[Path, str]] = {}
    for place, record in zip(places, records, strict=True):
        for name, value in record.made_of.items():
            other, first = seen.setdefault((name, record.arm.name if name == "method" else ""), (place, value))
            if value != first:
                problem = f"its {name} is {value}, that of {other} is {first}: these runs are of two comparisons"
                raise DataError.at(place, "", problem, "Remove the folder of one, and make its run anew.")
    return Comparison(_ordered(records), COMMAND)


def save_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write the one file that `open_comparison` reads."""
    lines = ",\n".join(json.dumps(record.to_dict(), separators=(",", ":")) for record in comparison.records)
    path, about = folder / COMPARISON, {KEY: FORMAT, "command": comparison.command}
    with listed_anew(folder, [COMPARISON]):
        write_text(path, f'{json.dumps(about)[:-1]}, "records": [\n{lines}\n]}}\n')
    return path


def open_comparison(folder: str | Path) -> Comparison:
    """Read what `save_comparison` wrote.

    Raises:
        DataError: the file is missing or wrong.
    """
    path = Path(folder) / COMPARISON
    require_sum(path)
    content = read_json(path, _REMEDY)
    if not isinstance(content, dict) or not isinstance(content.get("records"), list):
        raise DataError.at(path, "", "is no comparison: it has no list of records", _REMEDY)
    require_format(content.get(KEY), FORMAT, path)
    records = [ArmRecord.from_dict(values, path) for values in content["records"]]
    return Comparison(_ordered(records), str(content.get("command", COMMAND)))


def read_record(path: Path) -> ArmRecord:
    """One run's record. DataError: it is missing or wrong."""
    return ArmRecord.from_dict(read_json(path, _REMEDY), path)


def _line(record: ArmRecord) -> str:
    ap = ", ".join(f"{name} {record.ap[name]:.3f}" for name in ("all", "clean", "troubled") if name in record.ap)
    return f"  AP50 {ap} ({record.pretrain_seconds:.0f} + {record.detector_seconds:.0f} s of processor time)"


def _ordered(records: Sequence[ArmRecord]) -> tuple[ArmRecord, ...]:
    return tuple(sorted(records, key=lambda record: (ARMS.index(record.arm.name), record.arm.seed)))


def _require_same(place: Path, found: ArmRecord, now: Mapping[str, str]) -> None:
    other = [
        f"{name}: {found.made_of.get(name)} -> {value}"
        for name, value in now.items()
        if found.made_of.get(name) != value
    ]
    if other:
        problem = f"this run was made of something else than the runs to come ({', '.join(other)})"
        raise DataError.at(place, "", problem, "Name another folder OUT, or remove the run's folder to make it anew.")
