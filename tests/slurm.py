"""`docs/slurm/train.sbatch` without SLURM: its commands stand-ins, its variables made up."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "docs" / "slurm" / "train.sbatch"
_SRUN = """#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
exec "$@"
"""
_SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$LOG"
[ "$1" != show ] || echo localhost
"""
_PYTHON = """#!/bin/bash
echo "python $*" >> "$LOG"
if [[ -n "${FAILS_IN:-}" && "$*" == *" $FAILS_IN "* ]]; then exit 3; fi
if [ -n "${REAL:-}" ]; then exec "$REAL" "$@"; fi
if [[ "$*" == *" ${WAITS_IN:-train} "* && -n "${WAITS:-}" ]]; then
    trap 'echo "checkpoint" >> "$LOG"; exit 143' TERM
    touch "$WAITS"
    sleep 20 &> /dev/null &
    wait
fi
"""


@dataclass(frozen=True)
class FakeJob:
    """One machine with two processes. `python` only says what it was asked, unless the job is real."""

    folder: Path

    def start(self, dataset: Path, run: Path, real: bool = False, **variables: str) -> subprocess.Popen[str]:
        """The script, started."""
        tools = self.folder / "tools"
        tools.mkdir(parents=True, exist_ok=True)
        for name, text in (("srun", _SRUN), ("scontrol", _SCONTROL), ("python", _PYTHON)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        made_up = {
            "SLURM_JOB_ID": str(random.randrange(10_000)), "SLURM_JOB_NODELIST": "one", "SLURM_NNODES": "1",
            "SLURM_CPUS_PER_TASK": "2", "PROCESSES": "2", "DATASET": str(dataset), "RUN": str(run),
            "LOG": str(self.folder / "log"), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        environment = os.environ | made_up | ({"REAL": sys.executable} if real else {}) | variables
        pipe = subprocess.PIPE
        return subprocess.Popen(["bash", str(SCRIPT)], env=environment, stdout=pipe, stderr=pipe, text=True)

    @property
    def said(self) -> list[str]:
        """What its commands were asked."""
        return (self.folder / "log").read_text().splitlines()
