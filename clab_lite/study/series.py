"""Makes the runs of a plan that are not there yet."""

from __future__ import annotations

from pathlib import Path

from clab_lite.study.plans import settings_of
from clab_lite.study.record import RECORD
from clab_lite.study.run import make_run
from clab_lite.study.worlds import study_videos
from clab_lite.training.folder_lock import FolderInUse, hold

WORLD = "world"


def make_missing(plan: str, samples: Path, out: Path) -> None:
    """Run every setting of a plan that has no record in `out`, one after the other, and say what came out.

    Several processes may do this in one folder: a setting that another one is working on is left to it.

    Raises:
        DataError: no such plan, bad data.
    """
    videos = study_videos(samples, out / WORLD, plan)
    settings = settings_of(plan)
    for number, setting in enumerate(settings, start=1):
        folder = out / setting.name
        if (folder / RECORD).exists():
            continue
        try:
            with hold(folder) as held:
                print(f"{plan} {number}/{len(settings)}: {setting.name} ...", flush=True)
                record = make_run(setting, videos, held)
        except FolderInUse:
            continue
        ap = ", ".join(f"{name} {record.ap[name]:.3f}" for name in ("all", "clean", "troubled") if name in record.ap)
        print(f"  AP50 {ap} ({record.seconds:.0f} s of training)", flush=True)
