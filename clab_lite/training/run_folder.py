"""One run, one folder: what is in it, what may be continued, and what makes room for a new run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clab_lite.data.source_file import read_json
from clab_lite.distributed import barrier, is_main, restarts
from clab_lite.errors import DataError
from clab_lite.files import write_json
from clab_lite.training.checkpoint import (
    CHECKPOINT,
    SNAPSHOT_CONTRAST_ZERO,
    SNAPSHOT_START,
    read_checkpoint,
    write_checkpoint,
)
from clab_lite.training.folder_lock import LOCK, HeldFolder, hold
from clab_lite.training.saved_config import config_to_dict, differences, settings_from_dict

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONFIG = "config.json"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
BACKBONE = "backbone.safetensors"
METRICS = "metrics.json"
REPORT = "report.html"
PER_CLASS = "per_class.csv"
EVALUATION_PAGE = "evaluation.html"
EVALUATIONS = "evaluation"
DETECTIONS = "detections"
EMBEDDINGS = "embeddings"

_RUN = (CONFIG, LOG, CHECKPOINT, SNAPSHOT_START, SNAPSHOT_CONTRAST_ZERO, BACKBONE)
"""Of a training or a pre-training: a new run of either kind replaces the old one whole."""
_MAPS = tuple(f"{EMBEDDINGS}/{name}" for name in ("embeddings.csv", "embeddings.npy", "map.png", LOCK))
EVALUATED = (METRICS, PER_CLASS, REPORT, EVALUATION_PAGE)
EVALUATING = ".evaluating.lock"
"""Of whoever writes these files: a run may be evaluated while it is trained, which holds another lock."""
_PROCESSES = "processes"
"""Of what a checkpoint says of its dataset: how many shared it."""
_STORED = ("*.npz", "manifest.json", LOCK)
_RESULTS = (*EVALUATED, *_MAPS)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFolder:
    """A folder that this run holds.

    config: the settings, nested.
    about: what else makes the run what it is: see `open_run`.
    checkpoint: what to continue from, as `save` wrote it; None at the start of a run.
    """

    path: Path
    config: dict[str, Any]
    about: dict[str, Any]
    checkpoint: dict[str, Any] | None

    def begin(self) -> None:
        """Make room for the new run, once its first batch is there: what could fail at once has not failed.

        Removes the files of an earlier run and the results of its weights; nothing else. Does nothing when a run is
        continued.
        """
        barrier()
        if is_main():
            HeldFolder(self.path).require_there()
        if self.checkpoint is not None or not is_main():
            return
        old = [self.path / name for name in _RUN]
        if any(file.exists() for file in old):
            _remove(self.path, *_RESULTS)
            folders = [*(self.path / EVALUATIONS).glob("*/"), *(self.path / DETECTIONS).glob("*/")]
            for folder in folders:
                _remove(folder, *(_STORED if folder.parent.name == DETECTIONS else (*EVALUATED, EVALUATING)))
            for folder in [*folders, *(self.path / name for name in (EMBEDDINGS, EVALUATIONS, DETECTIONS))]:
                with suppress(OSError):  # not there, or it holds files of others
                    folder.rmdir()
        # config.json goes last: as long as it is there, this folder can be told from any other
        for file in [*(self.path / TENSORBOARD).glob("events.out.tfevents.*"), *reversed(old)]:
            file.unlink(missing_ok=True)
        named = {name: value for name, value in self.about.items() if value is not None}
        write_json(self.path / CONFIG, {**named, **self.config})

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Write one file of the run atomically (the main process only; a no-op in the others).

        Raises:
            DataError: it cannot be written, or somebody has removed the folder.
        """
        if is_main():
            HeldFolder(self.path).require_there()
            write_checkpoint(self.path / name, content)


def _remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for file in folder.glob(pattern):
            file.unlink()


@contextmanager
def open_run(
    place: Path | HeldFolder,
    config: DataclassInstance,
    dataset: dict[str, Any],
    *,
    resume: bool,
    overwrite: bool,
    about: Mapping[str, Any] | None = None,
    read: Callable[[Path], dict[str, Any]] = partial(read_checkpoint, to_continue=True),
) -> Iterator[RunFolder]:
    """Hold a folder for one run of `config`. Nothing in it changes before `RunFolder.begin`.

    Only the main process locks and writes; the others wait for it, then read the same checkpoint.

    Args:
        place: the folder, or one that the caller holds already.
        config: of the run: settings as a dataclass.
        dataset: what `clab_lite.training.dataset.describe` says of it.
        resume: continue the run in the folder, or start it when it has no checkpoint.
        overwrite: allow `begin` to replace the run in the folder.
        about: what else makes the run what it is. Written into config.json where it is not None, and the same when the
            run is continued, also when it was stopped before its first checkpoint. A checkpoint must hold it.
        read: reads a checkpoint of this kind of run.

    Raises:
        DataError: the folder holds a run and neither `resume` nor `overwrite` is set, or both are; `overwrite` after a
            restart by torchrun, which repeats its command as it was; the run to resume has another config or dataset,
            or began otherwise; another process uses the folder.
    """
    about = about or {}
    if resume and overwrite:
        raise DataError("resume and overwrite exclude each other: continue the run in the folder, or replace it.")
    if overwrite and restarts():
        raise DataError(
            f"torchrun has started the processes again (restart {restarts()}) with --overwrite, which would throw away "
            "what they had done. Use --resume: it also starts a run where there is none."
        )
    with hold(place) as held:
        if is_main() and not (resume or overwrite):
            _require_empty(held.path)
        barrier()
        checkpoint = None
        if resume and (held.path / CHECKPOINT).exists():
            checkpoint = read(held.path / CHECKPOINT)
            _check_about(held.path / CHECKPOINT, checkpoint, about)
            _check_same(held.path / CHECKPOINT, checkpoint, config, dataset)
        elif resume and is_main():
            _check_about(held.path / CONFIG, _written(held.path / CONFIG), about)
            logger.warning("%s holds no checkpoint: training starts from the beginning.", held.path)
        yield RunFolder(held.path, config_to_dict(config), dict(about), checkpoint)


def run_stamp(folder: Path) -> int | None:
    """Tells the run in a folder from one that takes its place: only a new run writes config.json. None: no run.

    By the time of its last change alone: some network disks give a file another inode number whenever it is asked.
    """
    try:
        return (folder / CONFIG).stat().st_mtime_ns
    except OSError:
        return None


def require_same_run(folder: Path, stamp: int | None) -> None:
    """DataError when another run has taken the folder since: its numbers and those of the old weights would mix."""
    if stamp is not None and run_stamp(folder) != stamp:
        problem = "was removed or given to another run while its weights were at work; their results were not written"
        raise DataError.at(folder, "", problem, "Wait for the other run, then run the command again.")


def _require_empty(folder: Path) -> None:
    found = [name for name in _RUN if (folder / name).exists()]
    if found:
        remedy = "Pass --resume (resume=True) to continue it, --overwrite to replace it, or name another folder."
        raise DataError.at(folder, "", f"already holds a run ({', '.join(found)})", remedy)


def _written(path: Path) -> dict[str, Any]:
    """What a run that was stopped before its first checkpoint left in config.json; empty when it left none."""
    try:
        found = read_json(path, "")
    except DataError:
        return {}
    return found if isinstance(found, dict) else {}


def _check_about(path: Path, found: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Files of before there was such an entry have none, which is None."""
    changed = differences({name: found.get(name) for name in about} if found else dict(about), dict(about))
    if changed:
        remedy = "Continue it as it began (config.json beside it says how), or start a new run."
        raise DataError.at(path, "", f"is of a run that began otherwise ({'; '.join(changed)})", remedy)


def _check_same(path: Path, checkpoint: dict[str, Any], config: DataclassInstance, dataset: dict[str, Any]) -> None:
    """Continuing with other settings or other data would not be the same run."""
    # A field that the checkpoint does not know has its default.
    saved = config_to_dict(settings_from_dict(type(config), checkpoint["config"], path))
    changed = differences(saved, config_to_dict(config))
    if changed:
        remedy = "Resume with the config of the run (config.json beside it), or start a new run."
        raise DataError.at(path, "", f"was written with another config ({'; '.join(changed)})", remedy)
    then = checkpoint["dataset"]
    changed = differences({**then, _PROCESSES: None}, {**dataset, _PROCESSES: None})
    if changed:
        remedy = "Resume on the dataset of the run, or start a new run."
        raise DataError.at(path, "", f"was trained on other data ({'; '.join(changed)})", remedy)
    before, now = then.get(_PROCESSES), dataset.get(_PROCESSES)
    if before != now:
        problem = f"was trained in another number of processes ({before} -> {now}), which decides what meets in a step"
        raise DataError.at(path, "", problem, f"Resume with `torchrun --nproc-per-node {before}`, or start a new run.")
