"""Checkpoints that are never half written, and clear errors for files that are broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from clab_lite.errors import DataError
from clab_lite.training.checkpoint import FORMAT, read_checkpoint, write_checkpoint


def _content(iteration: int = 1, **changed: Any) -> dict[str, Any]:
    plain = {"model": {"w": torch.arange(3.0)}, "iteration": iteration, "config": {}, "class_names": ["dog"]}
    return plain | changed


def test_round_trip(tmp_path: Path) -> None:
    content = _content(7, config={"steps": [0.5]})
    write_checkpoint(tmp_path / "new folder" / "c.pt", content)
    found = read_checkpoint(tmp_path / "new folder" / "c.pt")
    assert torch.equal(found["model"]["w"], content["model"]["w"])
    assert found["iteration"] == 7
    assert found["config"] == {"steps": [0.5]}


def test_a_failed_write_leaves_the_old_file_and_no_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, _content(1))

    def disk_full(_content: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    expected = r"c\.pt: could not be written \(No space left on device\); the checkpoint of step 1 is kept"
    with pytest.raises(DataError, match=expected):
        write_checkpoint(path, _content(2))
    assert read_checkpoint(path)["iteration"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes")
def test_a_disk_that_fills_up_is_named(tmp_path: Path) -> None:
    """Through torch's own writer, in a process that may only write small files."""
    code = (
        "import resource, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from clab_lite.training.checkpoint import write_checkpoint\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "write_checkpoint(Path(sys.argv[1]), {'model': {'w': torch.zeros(100_000)}})\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "c.pt")]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60)
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("clab_lite.errors.DataError")
    assert "could not be written (File too large)" in last
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [0, 10, 400])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, _content(model={"w": torch.zeros(1000)}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"c\.pt: (is empty|not a readable checkpoint)"):
        read_checkpoint(path)


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("code ran",)


def test_code_in_a_file_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model": _Code()}, tmp_path / "c.pt")
    with pytest.raises(DataError, match=r"holds code, not only weights \(builtins\.print\)"):
        read_checkpoint(tmp_path / "c.pt")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"hello world\n", b"\x80\x04K\x01.", b"(lp0\n.", b"\x80\x02q\x05.", b"{}", b"PK\x03\x04"]
)
def test_any_other_file_is_explained_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.pt: (is empty|not a readable checkpoint)") as caught:
        read_checkpoint(tmp_path / "c.pt")
    assert "weights_only" not in str(caught.value)


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "missing.pt")
    torch.save({"weights": 1}, tmp_path / "c.pt")
    with pytest.raises(DataError, match="no entry 'model'"):
        read_checkpoint(tmp_path / "c.pt")
    torch.save([1], tmp_path / "c.pt")
    with pytest.raises(DataError, match="holds a list"):
        read_checkpoint(tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": [1]}, "'model': is a list, not a dict"),
        ({"model": {"w": 3}}, "'w', which is no named tensor"),
        ({"model": {"fine": torch.ones(2), "bad": torch.tensor([1, float("nan")])}}, "'bad' holds values that are not"),
        ({"config": None}, "'config': is a NoneType"),
        ({"iteration": "7"}, "'iteration': is a str"),
        ({"format": FORMAT + 1}, f"format {FORMAT + 1}, this clab-lite reads up to {FORMAT}.*newer"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    write_checkpoint(tmp_path / "c.pt", _content(**changed))
    with pytest.raises(DataError, match=message):
        read_checkpoint(tmp_path / "c.pt")


def test_a_snapshot_is_no_checkpoint_to_continue_from(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.pt", _content())
    with pytest.raises(DataError, match="no entry 'optimizer'"):
        read_checkpoint(tmp_path / "c.pt", to_continue=True)
