"""What is tried in every environment, in one place: a selection of the tests, the commands, one lesson."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trials.versions.environment import Environment

SELECTION = (
    "tests/data", "tests/metrics", "tests/media", "tests/show", "tests/interop", "tests/detector/test_regions.py",
    "tests/detector/test_golden_detections.py", "tests/detector/test_golden_training.py",
    "tests/detector/test_most_similar.py", "tests/detector/test_contrast.py", "tests/detector/test_video_detector.py",
    "tests/detector/test_no_float64.py", "tests/methods/test_ranked_loss.py", "tests/methods/test_codo_loss.py",
    "tests/methods/test_crosscl_loss.py", "tests/methods/test_shared_memory.py", "tests/pretraining/test_methods.py",
    "tests/training/test_checkpoint.py", "tests/training/test_losses.py", "tests/training/test_update.py",
    "tests/training/test_log.py", "tests/test_files.py", "tests/test_cli.py", "tests/test_embeddings.py",
    "tests/test_report.py", "tests/test_tensor_file.py", "tests/test_weights_file.py", "tests/test_evaluation_page.py",
    "--ignore=tests/data/world",
)  # fmt: skip
"""Files of every area of the library; not what takes minutes and says nothing about versions."""
LESSON = "03"
_SAMPLES = "--train-videos 6 --val-videos 4 --train-frames 6 --val-frames 6 --width 96 --height 64"
_COMMANDS = (
    "--help",
    f"make-samples world {_SAMPLES}",
    "check world",
    "train world --preset tiny --out run --device cpu --train.iterations 4 --train.checkpoint-every 2",
    "evaluate run world --device cpu",
    "detect run world/Data/VID/val/ILSVRC2015_val_00000000 --device cpu --out found --draw video",
    "export run weights.safetensors",
    "export run official.pth",
    "embed run world --device cpu --method pca",
)
"""Each needs what the ones before it wrote."""
_SECONDS = 1800


@dataclass(frozen=True)
class Tested:
    """Counts of pytest; `trouble` is what it said instead, when it did not come so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Something ran and nothing failed."""
        return self.passed > 0 and not self.failed and not self.trouble


def run_tests(made: Environment, log: Path, names: Sequence[str] = SELECTION) -> Tested:
    """Run tests of the copy with the installed library."""
    words = [str(made.command("pytest")), "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", *names]
    return counted(_said(words, made.project, log))


def run_lesson(made: Environment, log: Path) -> Tested:
    """Run the cells and the solutions of one lesson, in its short version."""
    words = [str(made.command("pytest")), "-q", "-p", "no:cacheprovider", "tests/notebooks", "-k", f"[{LESSON}_"]
    return counted(_said(words, made.project, log))


def run_commands(made: Environment, log: Path) -> str:
    """The whole way from drawing a dataset to embeddings. Empty, or the first command that failed."""
    place = made.folder.parent / "commands"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for command in _COMMANDS:
        words = [str(made.command("clab-lite")), *command.split()]
        try:
            _said(words, place, log, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return command.split()[0]
    return ""


def counted(said: str) -> Tested:
    """The numbers of pytest's last line."""
    lines = [line for line in said.splitlines() if re.search(r"\d+ (passed|failed|skipped|error)", line)]
    if not lines:
        return Tested(trouble=(said.strip().splitlines() or ["pytest said nothing"])[-1][:160])
    found = {what.rstrip("s"): int(count) for count, what in re.findall(r"(\d+) ([a-z]+)", lines[-1])}
    return Tested(found.get("passed", 0), found.get("failed", 0) + found.get("error", 0), found.get("skipped", 0))


def _said(words: Sequence[str], place: Path, log: Path, check: bool = False) -> str:
    """Run and log a command; what it printed."""
    began = time.monotonic()
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    surroundings |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(
        words, cwd=place, env=surroundings, stdout=pipe, stderr=out, timeout=_SECONDS, check=False,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    seconds = time.monotonic() - began
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(words)}\n{done.stdout}\n({done.returncode} after {seconds:.0f} s)\n")
    if check:
        done.check_returncode()
    return done.stdout
