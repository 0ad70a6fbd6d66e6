"""Files that are never seen half written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clab_lite.files import remove_parts, replaced, write_json, write_text


def test_the_place_is_untouched_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old")
    with replaced(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with replaced(tmp_path / "log") as one, replaced(tmp_path / "log") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "log").read_text() == "one"  # the last to finish


@pytest.mark.parametrize("failing", ["the block", "the disk"])
def test_a_failure_leaves_the_old_file_and_no_remains(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_text("old")

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def write() -> None:
        with replaced(path) as beside:
            beside.write_text("half")
            if failing == "the block":
                disk_full()

    if failing == "the disk":
        monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        write()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_text_and_json_make_their_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "a/b/text", "Größe\n")
    assert (tmp_path / "a/b/text").read_bytes() == "Größe\n".encode()
    write_json(tmp_path / "c/values.json", {"steps": [0.5, None]})
    assert json.loads((tmp_path / "c/values.json").read_text()) == {"steps": [0.5, None]}


def test_text_with_a_name_that_is_not_utf8_is_written_escaped(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", f"dataset {os.fsdecode(b'one-' + bytes([255]))}")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "dataset one-\\udcff"


def test_a_folder_named_like_a_part_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".old.0a1b.part").mkdir()
    remove_parts(tmp_path)
    assert (tmp_path / ".old.0a1b.part").is_dir()
