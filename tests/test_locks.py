"""Names that are reserved while something is made, and what commands say when another process works there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from PIL import Image
from seeing_detector import seeing_detector

from clab_lite import locks
from clab_lite.cli import main
from clab_lite.errors import DataError
from clab_lite.locks import FolderInUse, locked, reserved
from clab_lite.training.folder_lock import LOCK, hold


def test_a_reserved_name_is_made_by_one_and_left_clean(tmp_path: Path) -> None:
    path = tmp_path / "made.pth"
    (tmp_path / ".made.pth.0a1b2c3d.part").write_text("of a killed process")
    others = [".made.pth.json.0a1b2c3d.part", ".other.pth.0a1b2c3d.part"]
    for name in others:
        (tmp_path / name).write_text("of somebody else")
    with reserved(path):
        assert not (tmp_path / ".made.pth.0a1b2c3d.part").exists()
        with pytest.raises(FolderInUse, match=rf"made\.pth: process {os.getpid()} .* is making this\. Wait"):
            reserved(path).__enter__()
    with reserved(path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == others


def test_a_folder_is_held_once_by_any_name_and_says_by_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with hold(tmp_path / "run"):
            assert (tmp_path / "run" / LOCK).read_text() == f"{os.getpid()}\n"
            for name in ("run", "run/../run"):
                with pytest.raises(FolderInUse, match=r"run: process \d+ \(this one\)"):
                    hold(Path(name)).__enter__()
    with reserved(Path("new/made.pth")):
        assert (tmp_path / "new").is_dir()


def test_a_lock_that_its_holder_removed_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our opening of the file and our locking of it, its holder ended and removed it: we hold nothing."""
    file, real, calls = tmp_path / ".lock", locks._lock, []

    def removed_first(handle: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            file.unlink()
        real(handle)  # type: ignore[arg-type]

    monkeypatch.setattr(locks, "_lock", removed_first)
    with locked(file, tmp_path):
        assert len(calls) == 2 and file.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(("number", "said"), [
    (errno.EAGAIN, "process unknown is working in this folder. Wait"),
    (errno.ENOLCK, "cannot be locked .* Name a place on a disk of this computer"),
])  # fmt: skip
def test_a_disk_without_locks_is_not_a_folder_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "_lock", refuse)
    with pytest.raises(DataError, match=said) as caught, hold(tmp_path):
        pass
    assert isinstance(caught.value, FolderInUse) == (number == errno.EAGAIN)


def test_a_full_disk_does_not_keep_a_folder_from_being_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(locks.os, "getpid", lambda: full(0))
    with hold(tmp_path):
        assert (tmp_path / LOCK).read_text() == ""


def test_a_removed_folder_is_noticed(tmp_path: Path) -> None:
    with hold(tmp_path / "run") as held:
        held.require_there()
        (tmp_path / "run" / LOCK).unlink()
        (tmp_path / "run").rmdir()
        with pytest.raises(DataError, match=r"run: was removed while this process worked in it\. .* from the start"):
            held.require_there()


def test_two_exports_of_one_file_do_not_meet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with reserved(tmp_path / "clab.pth"):
        assert main(["export", "run", str(tmp_path / "clab.pth")]) == 2
    assert f"{tmp_path / 'clab.pth'}: process {os.getpid()} (this one) is making this." in capsys.readouterr().err


def test_places_that_cannot_be_written_are_named_with_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("mine")
    picture = tmp_path / "0.png"
    Image.new("RGB", (64, 48)).save(picture)
    seeing = seeing_detector()
    monkeypatch.setattr("clab_lite.trained.load_run", lambda *_: seeing)
    detect = ["detect", "run", str(picture), "--device", "cpu", "--out"]
    assert main([*detect, str(tmp_path / "taken/x")]) == 2
    assert "A file or a broken link is where a folder is needed: name another place." in capsys.readouterr().err

    def refuse(dir: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(dir / "tmp0"))

    monkeypatch.setattr("clab_lite.files.tempfile.TemporaryFile", refuse)
    assert main([*detect, str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'out'}: Permission denied. Correct the permissions, or name another place." in said
