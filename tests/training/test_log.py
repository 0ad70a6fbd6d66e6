"""The log survives a killed process and a resumed one."""

from __future__ import annotations

import json
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
