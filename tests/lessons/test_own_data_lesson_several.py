"""Lesson 10: two processes under torchrun do what one process with all clips does."""

from __future__ import annotations

import sys
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


@pytest.mark.skipif(sys.platform == "win32", reason="groups of processes")
def test_what_a_stopped_command_started_is_ended_too(tmp_path: Path) -> None:
    child = f"import time; open({str(tmp_path / 'there')!r}, 'w').close(); time.sleep(60)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    with pytest.raises(DataError, match="more than"):
        several.run_command([sys.executable, "-c", parent], timeout=4)
    assert (tmp_path / "there").exists()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(tmp_path / "there").encode() in command for command in commands)


def test_a_command_that_hangs_is_stopped() -> None:
    with pytest.raises(DataError, match="more than 0 s"):
        several.run_command([sys.executable, "-c", "import time; time.sleep(20)"], timeout=0.2)
