"""The SLURM script: its commands in order, their options, and what it does when the time is up."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from slurm import SCRIPT, FakeJob

from clab_lite.cli.parsing import parse

pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="a bash script")


def _options(line: str) -> Any:
    """Of the `clab-lite` command in a line, as the command line reads them."""
    return parse(line.split(" -m clab_lite ")[1].split())


def test_the_script_is_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_its_commands_and_options(tmp_path: Path) -> None:
    job = FakeJob(tmp_path)
    process = job.start(tmp_path / "data", tmp_path / "run", PRESET="paper-r101", TRAIN="--train.iterations 5")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    index, train, evaluate = [line for line in job.said if line.startswith("python")]
    assert index.startswith("python -c import sys, clab_lite as cl") and index.endswith(str(tmp_path / "data"))
    for line in (train, evaluate):
        assert "-m torch.distributed.run --nnodes 1 --nproc-per-node 2 --max-restarts 2" in line
        assert "--rdzv-backend c10d --rdzv-endpoint localhost:2" in line
    options = _options(train)
    assert options.resume and not options.overwrite and options.out == tmp_path / "run"
    assert options.preset == "paper-r101" and options.config.train.iterations == 5
    assert _options(evaluate).run_folder == tmp_path / "run"


def test_a_job_without_a_dataset_says_so(tmp_path: Path) -> None:
    process = FakeJob(tmp_path).start(Path(), tmp_path / "run", DATASET="")
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "name the dataset" in errors


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_out_of_time_it_waits_for_the_command_and_comes_again(command: str, tmp_path: Path) -> None:
    job, waits = FakeJob(tmp_path), tmp_path / "works"
    process = job.start(tmp_path / "data", tmp_path / "run", WAITS=str(waits), WAITS_IN=command)
    deadline = time.monotonic() + 60
    while not waits.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert job.said[-2] == "checkpoint" and job.said[-1].startswith("scontrol requeue")
    assert any(" evaluate " in line for line in job.said) == (command == "evaluate")


def test_a_training_that_fails_ends_the_job(tmp_path: Path) -> None:
    job = FakeJob(tmp_path)
    process = job.start(tmp_path / "data", tmp_path / "run", FAILS_IN="train")
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert not any(" evaluate " in line or "requeue" in line for line in job.said)
