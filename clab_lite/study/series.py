"""Makes the runs of a plan that are not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clab_lite.checksums import listed_anew
from clab_lite.study.origin import require_same
from clab_lite.study.plans import settings_of
from clab_lite.study.record import RECORD
from clab_lite.study.run import Videos, make_run
from clab_lite.study.setting import Setting
from clab_lite.study.store import STUDY_FILES, collect, read_run, require_runs, save_study
from clab_lite.study.worlds import patiently_held, study_videos
from clab_lite.training.folder_lock import FolderInUse, hold
from clab_lite.training.losses import TrainingDiverged

WORLD = "world"


@dataclass(frozen=True)
class Missing:
    """A run of a plan that is not there after all."""

    name: str
    why: str
    diverged: bool
    """Its training cannot be finished; otherwise another process is at it."""


def make_missing(plan: str, samples: Path, out: Path) -> list[Missing]:
    """Run every setting of a plan that has no record in `out`, one after the other, and say what came out.

    Several processes may do this in one folder: a setting that another one is working on is left to it. A training that
    diverges does not stop the others.

    Returns:
        The settings without a record at the end.

    Raises:
        DataError: no such plan, bad data, or a run that is there was made of other data, configuration or versions.
    """
    videos = study_videos(samples, out / WORLD, plan)
    settings, origin = settings_of(plan), videos.origin()
    for setting in settings:  # before hours of training
        _is_made(out / setting.name, setting, origin)
    missing: dict[str, Missing] = {}
    for number, setting in enumerate(settings, start=1):
        try:
            _make(f"{plan} {number}/{len(settings)}: {setting.name} ...", setting, videos, origin, out)
        except FolderInUse as error:
            missing[setting.name] = Missing(setting.name, str(error), False)
        except TrainingDiverged as error:
            missing[setting.name] = Missing(setting.name, str(error), True)
    return [left for name, left in missing.items() if not (out / name / RECORD).exists()]


def gather(out: Path) -> int:
    """Write the study's files in `out` from the runs below it, and count them. One process at a time.

    Raises:
        DataError: there are no runs, or they do not belong together.
    """
    require_runs(out)
    with patiently_held(out):
        study = collect(out)
        with listed_anew(out, STUDY_FILES):
            save_study(study, out)
    return len(study.records)


def _make(title: str, setting: Setting, videos: Videos, origin: Mapping[str, str], out: Path) -> None:
    folder = out / setting.name
    if _is_made(folder, setting, origin):
        return
    with hold(folder) as held:
        if _is_made(folder, setting, origin):  # another process finished it since
            return
        print(title, flush=True)
        record = make_run(setting, videos, held)
    ap = ", ".join(f"{name} {record.ap[name]:.3f}" for name in ("all", "clean", "troubled") if name in record.ap)
    print(f"  AP50 {ap} ({record.seconds:.0f} s of training)", flush=True)


def _is_made(folder: Path, setting: Setting, origin: Mapping[str, str]) -> bool:
    """DataError: a run is there, and it is another one."""
    if not (folder / RECORD).exists():
        return False
    require_same(folder / RECORD, read_run(folder), setting, origin)
    return True
