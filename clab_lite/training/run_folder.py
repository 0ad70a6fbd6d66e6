"""One run, one folder, one process at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from clab_lite.config import Config
from clab_lite.distributed import barrier, is_main
from clab_lite.errors import DataError
from clab_lite.files import write_json
from clab_lite.training.checkpoint import (
    CHECKPOINT,
    SNAPSHOT_CONTRAST_ZERO,
    SNAPSHOT_START,
    read_checkpoint,
    write_checkpoint,
)
from clab_lite.training.saved_config import config_to_dict, differences

CONFIG = "config.json"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
LOCK = ".lock"


@dataclass(frozen=True)
class RunFolder:
    """A folder that this run holds.

    checkpoint: what to continue from, as `save` wrote it; None at the start of a run.
    """

    path: Path
    checkpoint: dict[str, Any] | None

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Write one file of the run atomically (the main process only; a no-op in the others)."""
        if is_main():
            write_checkpoint(self.path / name, content)


@contextmanager
def open_run(path: Path, config: Config, key_frames: int, *, resume: bool, overwrite: bool) -> Iterator[RunFolder]:
    """Hold the folder for one run of `config` on a dataset with so many key frames.

    Only the main process locks, cleans and writes; the others wait for it, then read the same checkpoint.

    Raises:
        DataError: the folder holds a run and neither `resume` nor `overwrite` is set; the run to resume has
            another
            config or dataset; another process trains in the folder.
    """
    path.mkdir(parents=True, exist_ok=True)
    lock = _lock(path) if is_main() else None
    try:
        if is_main():
            _prepare(path, resume=resume, overwrite=overwrite)
        barrier()
        exists = resume and (path / CHECKPOINT).exists()
        checkpoint = read_checkpoint(path / CHECKPOINT) if exists else None
        if checkpoint is not None:
            _check_same(path / CHECKPOINT, checkpoint, config, key_frames)
        elif is_main():
            write_json(path / CONFIG, config_to_dict(config))
        yield RunFolder(path, checkpoint)
    finally:
        if lock is not None:
            lock.close()  # The operating system frees the lock here, and also when the process is killed.


def _prepare(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse, clean or keep what is there."""
    files = [folder / name for name in (CONFIG, LOG, CHECKPOINT, SNAPSHOT_START, SNAPSHOT_CONTRAST_ZERO)]
    found = [file.name for file in files if file.exists()]
    if found and not (resume or overwrite):
        remedy = "Pass resume to continue it, overwrite to replace it, or name another folder."
        raise DataError.at(folder, "", f"already holds a run ({', '.join(found)})", remedy)
    if resume and (folder / CHECKPOINT).exists():
        return  # A run killed before its first checkpoint has nothing to continue from and starts again.
    for file in [*files, *(folder / TENSORBOARD).glob("events.out.tfevents.*")]:
        file.unlink(missing_ok=True)


def _check_same(path: Path, checkpoint: dict[str, Any], config: Config, key_frames: int) -> None:
    """Continuing with other settings or other data would not be the same run."""
    changed = differences(checkpoint["config"], config_to_dict(config))
    if changed:
        remedy = "Resume with the config of the run (config.json beside it), or start a new run."
        raise DataError.at(path, "", f"was written with another config ({'; '.join(changed)})", remedy)
    if checkpoint["key_frames"] != key_frames:
        problem = f"was trained on {checkpoint['key_frames']} key frames, this dataset has {key_frames}"
        raise DataError.at(path, "", problem, "Resume on the dataset of the run, or start a new run.")


def _lock(folder: Path) -> IO[str]:
    """Open the lock file and lock it; it holds the process id for people to read."""
    file = (folder / LOCK).open("a+", encoding="utf-8")
    try:
        _lock_file(file)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        remedy = "Wait for it or stop it, or name another folder."
        raise DataError.at(folder, "", f"process {owner} is training in this folder", remedy) from error
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _lock_file(file: IO[str]) -> None:
    """Take an exclusive lock or raise OSError. The lock dies with its process: none is ever stale."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        return
    # lockf, not flock: data workers forked from a killed run would keep an flock alive.
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
