"""The log survives a killed process and a resumed one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from clab_lite.errors import DataError
from clab_lite.training.log import RunLog, read_log


def _row(iteration: int) -> dict[str, Any]:
    plain = dict.fromkeys(("learning_rate", "contrast_weight", "gradient_norm"), 0.1)
    return {"iteration": iteration, "losses": {"total": 1.0}, "contrast_chance": None, **plain}


def test_later_rows_and_a_torn_line_are_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0)
    for iteration in (1, 10, 20):
        log.write(_row(iteration))
    log.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"iteration": 3')
    assert [row["iteration"] for row in read_log(tmp_path / "log.jsonl")] == [1, 10, 20]
    log = RunLog(tmp_path, 10)
    log.write(_row(11) | {"note": "resumed"})
    log.sync()
    log.close()
    assert [row["iteration"] for row in read_log(tmp_path / "log.jsonl")] == [1, 10, 11]


def test_a_process_that_does_not_write_touches_nothing(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0, writes=False)
    log.write(_row(1))
    log.sync()
    log.close()
    assert not list(tmp_path.iterdir())


def test_broken_logs_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such log"):
        read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize("line", [b"oops", b"\xff\xfe", b"{}", b"[1]", b'{"iteration": "3", "losses": {}}'])
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: bytes) -> None:
    row = json.dumps(_row(1)).encode()
    (tmp_path / "log.jsonl").write_bytes(row + b"\n" + line + b"\n" + row + b"\n")
    with pytest.raises(DataError, match=r"log\.jsonl, line 2: no"):
        read_log(tmp_path / "log.jsonl")


def _shown(folder: Path) -> dict[int, float]:
    """What TensorBoard shows of a loss: step -> value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert events.Tags()["tensors"] == ["note/text_summary"]
    return {event.step: event.value for event in events.Scalars("loss/total")}


def test_tensorboard_shows_a_resumed_run_as_one(tmp_path: Path) -> None:
    """Rows after the step of the checkpoint, of the process that was killed, are not shown any more."""
    for start, steps, value in ((0, (1, 2, 3), 1.0), (2, (3, 4), 0.5)):
        log = RunLog(tmp_path, start)
        for step in steps:
            log.write(_row(step) | {"losses": {"total": value}, "note": "a remark"})
        log.close()
    assert _shown(tmp_path) == {1: 1.0, 2: 1.0, 3: 0.5, 4: 0.5}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are text")
def test_a_folder_whose_name_is_no_text_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes no such name")
    log = RunLog(folder, 0)
    log.write(_row(1))
    log.close()
    assert list((folder / "tensorboard").iterdir()) and len(read_log(folder / "log.jsonl")) == 1


def test_a_full_disk_is_told_by_the_row_that_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And by no thread that prints a traceback."""
    log = RunLog(tmp_path, 0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clab_lite.training.events.RecordWriter.write", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*log\.jsonl'"):
        log.write(_row(1))
    log.close()
