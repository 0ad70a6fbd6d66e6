"""Checkpoints that are never half written, and clear errors for files that are broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from clab_lite.errors import DataError
from clab_lite.training.checkpoint import read_checkpoint, write_checkpoint


def test_round_trip(tmp_path: Path) -> None:
    content = {"model": {"w": torch.arange(3.0)}, "iteration": 7, "config": {"steps": [0.5]}}
    write_checkpoint(tmp_path / "new folder" / "c.pt", content)
    found = read_checkpoint(tmp_path / "new folder" / "c.pt")
    assert torch.equal(found["model"]["w"], content["model"]["w"])
    assert found["iteration"] == 7
    assert found["config"] == {"steps": [0.5]}


def test_a_failed_write_leaves_the_old_file_and_no_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, {"model": {}, "iteration": 1})

    def disk_full(_content: Any, place: Path) -> None:
        place.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(path, {"model": {}, "iteration": 2})
    assert read_checkpoint(path)["iteration"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize("kept", [0, 10, 400])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, {"model": {"w": torch.zeros(1000)}})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"c\.pt: not a readable checkpoint"):
        read_checkpoint(path)


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("code ran",)


def test_code_in_a_file_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model": _Code()}, tmp_path / "c.pt")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        read_checkpoint(tmp_path / "c.pt")
    assert "code ran" not in capsys.readouterr().out


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "missing.pt")
    torch.save({"weights": 1}, tmp_path / "c.pt")
    with pytest.raises(DataError, match="no entry 'model'"):
        read_checkpoint(tmp_path / "c.pt")
