"""Run by test_sharing.py in every process of a group, and imported by it for the answers of one process.

usage: sharing_ranks.py WHAT,... DATASET FOLDER      writes FOLDER/<what>_<rank>.json; WHAT: see `main`
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from recalling_detector import RecallingDetector
from training_world import micro_config

from clab_lite import distributed, team_pulse
from clab_lite.cli import main as command_line
from clab_lite.cli.evaluate import detect_where_possible
from clab_lite.compare import compare
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.subset import Subset
from clab_lite.detection_store import DetectionStore
from clab_lite.detector import VideoDetector
from clab_lite.embeddings import embed_levels
from clab_lite.errors import DataError
from clab_lite.evaluate import evaluate
from clab_lite.team import team
from clab_lite.training.checkpoint import CHECKPOINT, write_checkpoint
from clab_lite.training.saved_config import config_to_dict

RANK = int(os.environ.get("RANK", "0"))


def open_videos(dataset: Path) -> VideoIndex:
    """Three videos of 4, 3 and 2 frames."""
    return open_dataset(dataset, "val", cache=False, progress=False)


def make_detector(index: VideoIndex, seed: int = 0) -> VideoDetector:
    """Random weights that find something in every frame."""
    torch.manual_seed(seed)
    return VideoDetector(replace(micro_config().detector, num_classes=len(index.class_names)))


def write_run(index: VideoIndex, folder: Path, seed: int = 0) -> Path:
    """A run folder as far as `evaluate` and `embed` read it."""
    config = micro_config()
    config = replace(config, detector=replace(config.detector, num_classes=len(index.class_names)))
    model = make_detector(index, seed).state_dict()
    content = {"config": config_to_dict(config), "class_names": list(index.class_names), "model": model}
    folder.mkdir()
    write_checkpoint(folder / CHECKPOINT, {**content, "iteration": 40})
    return folder


def results(dataset: Path, folder: Path) -> dict[str, str]:
    """What every process returns. A store that holds a part is filled; one video is fewer than the processes."""
    index, alone = open_videos(dataset), open_videos(dataset).select([1])
    detector, other, store = make_detector(index), make_detector(index, 1), folder / "store"
    answers = {
        "memory": evaluate(detector, index, resamples=20, progress=False).to_json(),
        "one video": evaluate(detector, alone, resamples=0, progress=False).to_json(),
        "part": evaluate(detector, index, subset=Subset(every=2), store=store, resamples=0, progress=False).to_json(),
        "store": evaluate(detector, index, store=store, resamples=20, progress=False).to_json(),
        "again": evaluate(detector, index, store=store, resamples=20, progress=False).to_json(),
        "compare": compare(detector, other, index, resamples=20, progress=False).to_json(),
    }
    for name, part in (("all", index), ("one", alone)):
        for level, table in embed_levels(
            detector, part, ("object", "frame", "projector"), batch=3, progress=False
        ).items():
            answers[f"embed {name} {level}"] = f"{table.table.to_csv()} {_digest(table.matrix.tobytes())}"
            answers[f"embed {name} {level} types"] = f"{table.table.dtypes.to_dict()} {table.matrix.shape}"
    large = bytes(range(256)) * 16_000  # four pieces
    with team() as us:
        answers["bytes"] = _digest(us.to_all(us.size - 1, large if us.rank == us.size - 1 else b""))
    return answers


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sums_of_two_groups() -> list[float]:
    """A group that is joined, left and joined again still adds up."""
    sums = []
    for _ in range(2):
        assert distributed.start_from_environment("cpu")
        values = torch.tensor([float(distributed.rank() + 1)])
        dist.all_reduce(values)
        sums.append(values.item())
        distributed.stop()
    return sums


def failures(dataset: Path, folder: Path) -> dict[str, tuple[str, str, float]]:
    """Error and seconds of every process, where one of them fails."""
    index = open_videos(dataset)

    def torn() -> None:
        detector = make_detector(index)
        if RANK == 1:
            detector.remember = _raise  # type: ignore[method-assign]
        evaluate(detector, index, progress=False)

    def early() -> None:
        with team() as us:
            if us.is_main:
                raise DataError("the folder is full")
            evaluate(make_detector(index), index, progress=False)

    def all_at_once() -> None:
        with team():
            raise DataError("no such run")

    def other_weights() -> None:
        evaluate(make_detector(index, seed=RANK), index, progress=False)

    def silent() -> None:
        if RANK == 1:
            team_pulse.Pulse.run = lambda self: self._store.set(self._key, '[0, "", 0]')  # type: ignore[method-assign]
        with team():
            if RANK == 1:
                time.sleep(8)  # as a process that was stopped, or whose machine is gone

    patience, pulse = team_pulse._SILENCE, team_pulse.Pulse.run
    answers = {each.__name__: _outcome(each) for each in (torn, early, all_at_once, other_weights)}
    team_pulse._SILENCE = 4.0
    answers["silent"] = _outcome(silent)
    team_pulse._SILENCE, team_pulse.Pulse.run = patience, pulse  # type: ignore[method-assign]
    return answers


def _raise(*_: object) -> Any:
    raise DataError("frame 3 is torn")


def _outcome(work: Callable[[], None]) -> tuple[str, str, float]:
    began = time.monotonic()
    try:
        work()
    except DataError as error:
        return type(error).__name__, str(error), time.monotonic() - began
    return "none", "", time.monotonic() - began


def denied(dataset: Path, folder: Path) -> dict[str, str]:
    """One process may not write the store: all of them go on with another."""
    index, add = open_videos(dataset), DetectionStore.add
    stores = folder / "denied", folder / "instead"

    def add_or_not(self: DetectionStore, video: int, found: Any) -> None:
        if RANK == 1 and self.folder.parent == stores[0]:
            raise PermissionError(errno.EACCES, "Permission denied", str(self.folder))
        add(self, video, found)

    DetectionStore.add = add_or_not  # type: ignore[method-assign]
    out = io.StringIO()
    with redirect_stdout(out), team() as us:
        selection = Subset().select(index)
        found = detect_where_possible(make_detector(index), index, selection, *stores, us)
        counts = [int(found(video).counts.sum()) for video in range(len(index))]
    DetectionStore.add = add  # type: ignore[method-assign]
    return {"said": out.getvalue(), "counts": str(counts)}


def commands(dataset: Path, folder: Path) -> dict[str, tuple[int, str, str]]:
    """Status, output and errors of some commands, as every process has them."""
    run, broken = folder.parent / "run", folder.parent / "broken"
    device, frames = ["--device", "cpu"], dataset / "Data/VID/val/ILSVRC2015_val_00000000"
    words = {
        "evaluate": ["evaluate", run, dataset, "--out", folder / "evaluated", "--resamples", "20", *device],
        "embed": ["embed", run, dataset, "--out", folder / "embedded", "--every", "1", *device],
        "compare": ["compare", run, folder.parent / "other", dataset, "--resamples", "0", *device],
        "broken": ["evaluate", run, broken, "--out", folder / "unreadable", *device],
        "detect": ["detect", run, frames, "--out", folder / "detected", *device],
    }
    answers = {}
    for name, command in words.items():
        out, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(errors):
            status = command_line([str(word) for word in command])
        answers[name] = status, out.getvalue(), errors.getvalue()
    return answers


def dies(dataset: Path, folder: Path) -> list[tuple[int, int]]:
    """What this process had to detect. Process 1 is killed at its fourth frame, when nobody has been killed before."""
    index, mark = open_videos(dataset), folder / "killed"
    detector = RecallingDetector(index)
    if RANK == 1 and not mark.exists():
        detector.dies_after = 3
        mark.touch()
    report = evaluate(detector, index, store=folder / "killed_store", resamples=0, progress=False)
    assert report == evaluate(RecallingDetector(index), index, resamples=0, progress=False)
    return detector.seen


def main() -> None:
    """Write what was asked for."""
    torch.set_num_threads(1)
    dataset, folder = Path(sys.argv[2]), Path(sys.argv[3])
    known: dict[str, Callable[[], Any]] = {
        "results": lambda: results(dataset, folder),
        "sums": sums_of_two_groups,
        "failures": lambda: failures(dataset, folder),
        "denied": lambda: denied(dataset, folder),
        "commands": lambda: commands(dataset, folder),
        "dies": lambda: dies(dataset, folder),
    }
    for what in sys.argv[1].split(","):
        (folder / f"{what}_{RANK}.json").write_text(json.dumps(known[what]()))


if __name__ == "__main__":
    main()
