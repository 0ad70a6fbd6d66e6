"""Files that are never seen half written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clab_lite.errors import DataError
from clab_lite.files import followed, remove_parts, replaced, write_json, write_picture, write_text


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


def test_what_was_abandoned_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    long_ago, now = tmp_path / ".index.npz.0a1b2c3d.part", tmp_path / ".index.npz.11111111.part"
    other = tmp_path / ".other.npz.0a1b2c3d.part"
    for part in (long_ago, now, other):
        part.write_text("half")
        os.utime(part, (0, 0))
    os.utime(now)
    write_text(tmp_path / "index.npz", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"index.npz", now.name, other.name}


def test_errors_of_the_system_name_the_file_to_be(tmp_path: Path) -> None:
    """Not the hidden one beside it; a full disk names none."""
    with pytest.raises(OSError, match="log") as caught, replaced(tmp_path / "log"):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(tmp_path / "log")
    with pytest.raises(FileNotFoundError) as caught, replaced(tmp_path / "log"):
        (tmp_path / ".hidden").read_text()
    assert caught.value.filename == str(tmp_path / "log")
    with pytest.raises(FileNotFoundError) as caught, replaced(tmp_path / "log"):
        (tmp_path / "elsewhere/input").read_text()
    assert caught.value.filename == str(tmp_path / "elsewhere/input")


def test_links_are_followed_until_they_lead_back(tmp_path: Path) -> None:
    tmp_path = tmp_path.resolve()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "gone").symlink_to("nowhere")
    assert followed(tmp_path / "link" / "new") == tmp_path / "real" / "new"
    assert followed(str(tmp_path / "gone")) == tmp_path / "nowhere"
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for lost in (tmp_path / "one", tmp_path / "one" / "deeper"):
        with pytest.raises(DataError, match=f"^{lost}: cannot be followed: a symbolic link that leads back"):
            followed(lost)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX systems can")
def test_a_picture_is_whole_or_an_error(tmp_path: Path) -> None:
    """The disk takes a part of the last block, as a full one does. Pillow 12, given a path, says nothing of it."""
    import resource

    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    write_picture(tmp_path / "whole.jpg", picture, "JPEG", quality=90)
    size = (tmp_path / "whole.jpg").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_picture(tmp_path / "cut.jpg", picture, "JPEG", quality=90)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
