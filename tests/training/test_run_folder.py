"""One process per run folder; an old run goes only when the new one can start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clab_lite.config import Config
from clab_lite.errors import DataError
from clab_lite.training.folder_lock import hold
from clab_lite.training.run_folder import open_run, require_same_run, run_stamp

_DATASET = {"videos": 1, "key_frames": 5, "classes": 30, "digest": "0"}

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
            pytest.raises(DataError, match=f"process {holder.pid} is working in this folder"),
            open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=True),
        ):
            pass
        assert not (tmp_path / "config.json").exists(), "the refused run wrote into the folder"
        holder.kill()
    with open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=False) as folder:
        assert folder.checkpoint is None
        folder.begin()
    assert (tmp_path / "config.json").exists()


def test_a_second_block_in_one_process_is_refused(tmp_path: Path) -> None:
    with hold(tmp_path) as held:
        with hold(held) as inner:  # what is held may be passed on
            assert inner.path == tmp_path
        with pytest.raises(DataError, match="this one"), hold(tmp_path / "." / ""):
            pass
        with pytest.raises(DataError, match="this one"), hold(tmp_path):  # the refusal has not freed it
            pass
    with hold(tmp_path):
        pass


def test_what_a_killed_writer_left_is_removed_by_the_holder(tmp_path: Path) -> None:
    left, other = tmp_path / ".checkpoint.pt.0a1b2c3d.part", tmp_path / "notes.part"
    for path in (left, other):
        path.write_text("half")
    with hold(tmp_path):
        assert not left.exists()
        assert other.exists()


def test_overwriting_removes_the_files_of_the_run_and_nothing_else(tmp_path: Path) -> None:
    for name in ("tensorboard", "embeddings", "evaluation/train-all", "evaluation/mine", "detections/0123456789ab"):
        (tmp_path / name).mkdir(parents=True)
    mine = [tmp_path / "notes.txt", tmp_path / "tensorboard" / "notes.txt", tmp_path / "evaluation/mine/notes.txt"]
    old = [tmp_path / "log.jsonl", tmp_path / "checkpoint.pt", tmp_path / "tensorboard" / "events.out.tfevents.1"]
    old += [tmp_path / "metrics.json", tmp_path / "report.html", tmp_path / "embeddings" / "map.png"]
    old += [tmp_path / "per_class.csv", tmp_path / "evaluation.html", tmp_path / "evaluation/train-all/metrics.json"]
    old += [tmp_path / "detections/0123456789ab" / name for name in ("manifest.json", "video_ab.npz", ".lock")]
    for path in [*mine, *old]:
        path.write_text("old")
    with open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=True) as folder:
        assert all(path.exists() for path in [*mine, *old])
        folder.begin()
        assert all(path.exists() for path in mine)
        assert not any(path.exists() for path in old)
    assert not any((tmp_path / name).exists() for name in ("embeddings", "evaluation/train-all", "detections"))


def test_results_without_a_run_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("of another program")
    with open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=False) as folder:
        folder.begin()
    assert (tmp_path / "report.html").exists()


def test_resume_and_overwrite_exclude_each_other(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="exclude"),
        open_run(tmp_path, Config(), _DATASET, resume=True, overwrite=True),
    ):
        pass


def test_a_run_that_takes_the_folder_of_another_is_told_from_it(tmp_path: Path) -> None:
    require_same_run(tmp_path, run_stamp(tmp_path))  # no run, or one whose beginning is not known
    with open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=False) as folder:
        folder.begin()
    os.utime(tmp_path / "config.json", (1e9, 1e9))  # clocks of file systems are too coarse for two runs of a test
    stamp = run_stamp(tmp_path)
    require_same_run(tmp_path, stamp)
    with open_run(tmp_path, Config(), _DATASET, resume=False, overwrite=True) as folder:
        require_same_run(tmp_path, stamp)
        folder.begin()
    with pytest.raises(DataError, match=r"given to another run .* results were not written"):
        require_same_run(tmp_path, stamp)


def test_a_folder_that_was_removed_gets_no_half_of_a_run(tmp_path: Path) -> None:
    with open_run(tmp_path / "run", Config(), _DATASET, resume=False, overwrite=False) as folder:
        folder.begin()
        shutil.rmtree(tmp_path / "run")
        for write in (folder.begin, lambda: folder.save("checkpoint.pt", {})):
            with pytest.raises(DataError, match="run: was removed while this process worked in it"):
                write()
    assert not (tmp_path / "run").exists()
