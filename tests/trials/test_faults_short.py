"""A few kills, a full disk, a place without permission and two at once: `make faults` in short, and its judgement."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and reads Linux's clock of another process")
def test_commands_survive_a_few_faults() -> None:
    """In a process of its own: forks of one that has run threads would hang."""
    paths = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "trials.faults", "--short"]
    environment = {**os.environ, "PYTHONPATH": paths}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
