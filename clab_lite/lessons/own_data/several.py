"""Several processes that train together: torchrun started from here, and its log beside that of one process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.vid import open_dataset
from clab_lite.errors import DataError
from clab_lite.train import train
from clab_lite.training.log import read_log
from clab_lite.training.run_folder import LOG

_PATIENCE = 45.0
"""Seconds to end in after being asked to; torchrun gives its workers 30."""


@dataclass(frozen=True)
class Finished:
    """A command that ran."""

    command: str
    seconds: float
    text: str
    """What it printed."""


def settings(preset: str, clips: int, iterations: int) -> Config:
    """A short training on the CPU. `clips`: per process. BatchNorm is fixed, as in the official recipe: its statistics
    would otherwise be those of each process's own clips, and differ from those of all clips together.
    """
    config = presets.named(preset)
    backbone = replace(config.detector.backbone, frozen_norm=True)
    train = replace(
        config.train, clips_per_rank=clips, iterations=iterations, threads=1, log_every=1, precision="float32"
    )
    return replace(config, detector=replace(config.detector, backbone=backbone), train=train)


def alone(dataset: Path, out: Path, preset: str, clips: int, iterations: int) -> Path:
    """Train in this process with `settings`; returns the run folder."""
    config, index = settings(preset, clips, iterations), open_dataset(dataset, split="train")
    return train(config, index, out, device="cpu", overwrite=True, progress=False).run_folder


def torchrun(dataset: Path, out: Path, preset: str, clips: int, iterations: int, processes: int) -> list[str]:
    """The words of a command that trains in several processes on the CPU, in the setting of `settings`."""
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words += ["-m", "clab_lite", "train", str(dataset), "--preset", preset, "--device", "cpu", "--out", str(out)]
    words += ["--overwrite", "--train.precision", "float32", "--detector.backbone.frozen-norm"]
    numbers = {"train.clips-per-rank": clips, "train.iterations": iterations, "train.threads": 1, "train.log-every": 1}
    return words + [word for name, value in numbers.items() for word in (f"--{name}", str(value))]


def run_command(words: Sequence[str], timeout: float = 300) -> Finished:
    """Run a command and wait for it.

    Raises:
        DataError: it failed or took too long; with the end of what it printed.
    """
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    shown = " ".join("python" if word == sys.executable else word for word in words)
    shown = shown.replace("python -m torch.distributed.run", "torchrun")
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, env=environment, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", start_new_session=True
    )
    try:
        said, complained = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"`{shown}` took more than {timeout:.0f} s. Run it in a terminal and look.") from error
    finally:
        _end(process)  # also when the cell is interrupted
    if process.returncode:
        raise DataError(f"`{shown}` failed. It said: {(complained or said)[-600:]}")
    return Finished(shown, time.monotonic() - began, said)


def _end(process: subprocess.Popen[str]) -> None:
    """End a command that still runs, and the processes that it started: they would hold the run folder.

    Also those that outlived the command, except on Windows. What began a session of its own is not found here: the
    workers of torchrun are ended by torchrun when it is asked to end, and stay where it had to be killed.
    """
    runs = process.poll() is None
    if sys.platform == "win32":
        if runs:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
            process.wait()
        return
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except (ProcessLookupError, PermissionError):  # nobody is left; macOS: nobody but some who have ended already
        pass


def beside(runs: dict[str, Path], columns: Sequence[str] = ("rpn_objectness", "box_class", "contrast")) -> pd.DataFrame:
    """Losses and chance level of every step of several runs, one column per run.

    Args:
        runs: what to call a run -> its folder.
        columns: losses to show.
    """
    table = {}
    for name, folder in runs.items():
        for row in read_log(folder / LOG):
            for column in columns:
                table[row["iteration"], column, name] = row["losses"][column]
            table[row["iteration"], "chance level", name] = row["contrast_chance"]
    series = pd.Series(table).rename_axis(["step", "number", "run"])
    order = [*columns, "chance level"]
    return series.unstack("run").reindex(columns=list(runs)).reindex(order, level="number")


def farthest(table: pd.DataFrame) -> float:
    """The largest relative difference between the runs of `beside`, over all its rows."""
    return float(((table.max(axis=1) - table.min(axis=1)) / table.abs().max(axis=1)).max())
