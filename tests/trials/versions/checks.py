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
from trials.versions.round_trip import FAILED

_AREAS = {
    "data": "annotation_xml cache check clips coco_vid images own_data references subset transforms vid",
    "metrics": "average_precision bootstrap clusters coco matching motion roc voc",
    "detector": "frozen_norm golden_detections most_similar no_float64 regions sparse_rows video_detector",
    "methods": "codo_loss crosscl_loss ranked_loss shared_memory shared_network",
    "training": "checkpoint log losses run_folder",
    "interop": "backbone_names mmtracking",
    "media": "video_file written",
    "show": "frames plots",
    "": "cli embeddings files report tensor_file weights_file",
}
SELECTION = tuple(
    (Path("tests") / area / f"test_{name}.py").as_posix() for area, names in _AREAS.items() for name in names.split()
)
"""Files of every area of the library; not what takes minutes and says nothing about versions."""
LESSON = "03"
_SECONDS = 3600


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
    return counted(_run(words, made.project, log).stdout)


def run_lesson(made: Environment, log: Path) -> Tested:
    """Run the cells and the solutions of one lesson, in its short version."""
    names = [f"tests/notebooks/test_runs_{half}.py" for half in ("odd", "even")]
    words = [str(made.command("pytest")), "-q", "-p", "no:cacheprovider", *names, "-k", f"[{LESSON}_"]
    return counted(_run(words, made.project, log).stdout)


def run_commands(made: Environment, log: Path) -> str:
    """The installed program's help, then the whole way from drawing a dataset to embeddings. Empty, or what failed."""
    place = made.folder.parent / "commands"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if _run([str(made.command("clab-lite")), "--help"], place, log).returncode:
        return "--help"
    done = _run([str(made.command("python")), str(Path(__file__).with_name("round_trip.py"))], place, log)
    return "" if done.returncode == 0 else done.stdout.rpartition(FAILED)[2].strip().split("\n")[-1][:80] or "python"


def counted(said: str) -> Tested:
    """The numbers of pytest's last line."""
    lines = [line for line in said.splitlines() if re.search(r"\d+ (passed|failed|skipped|error)", line)]
    if not lines:
        return Tested(trouble=(said.strip().splitlines() or ["pytest said nothing"])[-1][:160])
    found = {what.rstrip("s"): int(count) for count, what in re.findall(r"(\d+) ([a-z]+)", lines[-1])}
    return Tested(found.get("passed", 0), found.get("failed", 0) + found.get("error", 0), found.get("skipped", 0))


def _run(words: Sequence[str], place: Path, log: Path) -> subprocess.CompletedProcess[str]:
    """Run and log a command."""
    began = time.monotonic()
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    surroundings |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    try:
        done = subprocess.run(
            words, cwd=place, env=surroundings, stdout=pipe, stderr=out, timeout=_SECONDS, check=False,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(words, 1, f"not done after {_SECONDS} s")
    seconds = time.monotonic() - began
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(words)}\n{done.stdout}\n({done.returncode} after {seconds:.0f} s)\n")
    return done
