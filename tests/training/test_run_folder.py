"""One process per run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clab_lite.config import Config
from clab_lite.errors import DataError
from clab_lite.training.run_folder import open_run

_HOLDER = """
import fcntl, os, sys
file = open(sys.argv[1], "a+")
fcntl.lockf(file, fcntl.LOCK_EX)
file.write(str(os.getpid()))
file.flush()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the other process of this test locks with fcntl")
def test_a_second_process_is_refused_and_a_dead_one_forgotten(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        with (
            pytest.raises(DataError, match=f"process {holder.pid} is training in this folder"),
            open_run(tmp_path, Config(), 5, resume=False, overwrite=True),
        ):
            pass
        assert not (tmp_path / "config.json").exists(), "the refused run wrote into the folder"
        holder.kill()
    with open_run(tmp_path, Config(), 5, resume=False, overwrite=False) as folder:
        assert folder.checkpoint is None
    assert (tmp_path / "config.json").exists()


def test_overwriting_removes_the_files_of_the_run_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").mkdir()
    mine = [tmp_path / "notes.txt", tmp_path / "tensorboard" / "notes.txt"]
    old = [tmp_path / "log.jsonl", tmp_path / "checkpoint.pt", tmp_path / "tensorboard" / "events.out.tfevents.1"]
    for path in [*mine, *old]:
        path.write_text("old")
    with open_run(tmp_path, Config(), 5, resume=False, overwrite=True):
        assert all(path.exists() for path in mine)
        assert not any(path.exists() for path in old)
