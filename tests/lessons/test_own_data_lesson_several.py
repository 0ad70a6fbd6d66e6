"""Lesson 10: two processes under torchrun do what one process with all clips does."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clab_lite import lessons
from clab_lite.errors import DataError
from clab_lite.lessons import own_data
from clab_lite.lessons.own_data import several


@pytest.mark.slow
def test_two_processes_equal_one_with_all_clips(tmp_path: Path) -> None:
    mine = own_data.write_dataset(tmp_path / "mine", lessons.samples("train"), train=2, val=1)
    one = several.alone(mine, tmp_path / "one", "lesson", clips=4, iterations=2)
    words = several.torchrun(mine, tmp_path / "two", "lesson", clips=2, iterations=2, processes=2)
    finished = several.run_command(words)
    assert finished.command.startswith("torchrun --standalone --nproc-per-node=2 -m clab_lite train")
    table = several.beside({"one": one, "two": tmp_path / "two"})
    assert table["one"].to_numpy() == pytest.approx(table["two"].to_numpy(), rel=2e-3)
    assert table.loc[(1, "chance level"), "two"] == pytest.approx(2.302585, abs=1e-5)  # ln 10
    assert several.farthest(table) < 2e-3


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(DataError, match="no such thing"):
        several.run_command([sys.executable, "-c", "raise SystemExit('no such thing')"])


def running(word: str) -> int:
    """How many processes of this machine have the word in their command."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended since
            found += word.encode() in path.read_bytes()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("killed", [False, True])
def test_what_a_stopped_command_started_is_ended_too(tmp_path: Path, killed: bool) -> None:
    there = tmp_path / "there"
    child = f"import time; open({str(there)!r}, 'w').close(); time.sleep(600)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    words, pipe = [sys.executable, "-c", parent], subprocess.PIPE
    process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        while not there.exists() and process.poll() is None:
            time.sleep(0.05)
        if killed:  # as a machine without memory does
            process.kill()
            process.wait()
        assert running(str(there)) == 2 - killed
    finally:
        several._end(process)
    assert running(str(there)) == 0


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 0 s"):
        several.run_command([sys.executable, "-c", f"import time; time.sleep(600)  # {tmp_path}"], timeout=0.2)
    assert running(str(tmp_path)) == 0
