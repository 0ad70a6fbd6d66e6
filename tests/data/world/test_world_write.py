"""The folder on disk: exact layout and lists, all or nothing, never over somebody's files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clab_lite.data.world import WorldConfig, load_config, make_world, render_video
from clab_lite.errors import DataError
from clab_lite.locks import FolderInUse, reserved

CONFIG = WorldConfig(seed=1, width=96, height=64, classes=("car", "snake"), train_videos=3, val_videos=2,
                     train_frames=2, val_frames=3)  # fmt: skip
_SLOW_WORLD = """
import sys
from clab_lite.data.world import WorldConfig, make_world
make_world(sys.argv[1], WorldConfig(width=96, height=64, train_videos=5000), progress=False, overwrite=True)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "small"
    make_world(folder, CONFIG, progress=False)
    return folder


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_layout_is_exact(root: Path) -> None:
    train = [f"train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_{n:05d}000/{f:06d}" for n in range(3) for f in range(2)]
    val = [f"val/ILSVRC2015_val_{n:05d}000/{f:06d}" for n in range(2) for f in range(3)]
    expected = {f"Data/VID/{name}.JPEG" for name in train + val} | {
        f"Annotations/VID/{name}.xml" for name in train + val
    }
    expected |= {f"ImageSets/VID/train_{label}.txt" for label in range(1, 31)} | {"ImageSets/VID/val.txt"}
    expected |= {
        "Lists/VID_train_15frames.txt",
        "Lists/VID_val_videos.txt",
        "troubles.json",
        "world.json",
        "README.md",
    }
    assert set(_files(root)) == expected


def test_the_lists_are_exact(root: Path) -> None:
    snippet = "ILSVRC2015_VID_train_0000/ILSVRC2015_train_00001000"
    lines = (root / "Lists/VID_train_15frames.txt").read_text().splitlines()
    assert lines[2:4] == [f"train/{snippet} 1 0 2", f"train/{snippet} 1 1 2"]
    assert len(lines) == 6
    assert (root / "Lists/VID_val_videos.txt").read_text() == (
        "val/ILSVRC2015_val_00000000 1 0 3\nval/ILSVRC2015_val_00001000 4 0 3\n"
    )
    frames = (root / "ImageSets/VID/val.txt").read_text().splitlines()
    assert frames[3] == "ILSVRC2015_val_00001000/000000 4"
    assert len(frames) == 6
    rows = {label: (root / f"ImageSets/VID/train_{label}.txt").read_text().splitlines() for label in range(1, 31)}
    assert {label for label, found in rows.items() if found} == {7, 23}  # car and snake
    assert all(line.endswith(" 1") for line in rows[7] + rows[23])
    assert len(set(rows[7] + rows[23])) == 3


def test_an_annotation_reads_like_the_original(root: Path) -> None:
    video = render_video(CONFIG, "val", 1)
    item = video.objects[1][0]
    xmin, ymin, xmax, ymax = item.box
    wnid = {"car": "n02958343", "snake": "n01726692"}[item.class_name]
    text = (root / "Annotations/VID/val/ILSVRC2015_val_00001000/000001.xml").read_text()
    assert text.startswith(
        "<annotation>\n\t<folder>ILSVRC2015_val_00001000</folder>\n\t<filename>000001</filename>\n"
        "\t<source>\n\t\t<database>ILSVRC_2015</database>\n\t</source>\n"
        "\t<size>\n\t\t<width>96</width>\n\t\t<height>64</height>\n\t</size>\n"
        f"\t<object>\n\t\t<trackid>{item.track}</trackid>\n\t\t<name>{wnid}</name>\n"
        f"\t\t<bndbox>\n\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<xmin>{xmin}</xmin>\n"
        f"\t\t\t<ymax>{ymax}</ymax>\n\t\t\t<ymin>{ymin}</ymin>\n\t\t</bndbox>\n"
        f"\t\t<occluded>{int(item.occluded)}</occluded>\n\t\t<generated>1</generated>\n\t</object>\n"
    )
    train = (root / "Annotations/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000/000000.xml").read_text()
    assert "<folder>ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000</folder>" in train


def test_frames_and_troubles_are_those_of_the_renderer(root: Path) -> None:
    troubles = json.loads((root / "troubles.json").read_text())
    assert len(troubles) == 5
    video = render_video(CONFIG, "val", 0)
    assert troubles["val/ILSVRC2015_val_00000000"] == [list(names) for names in video.troubles]
    image = np.asarray(Image.open(root / "Data/VID/val/ILSVRC2015_val_00000000/000002.JPEG"), int)
    assert np.abs(image - video.frames[2]).mean() < 12  # JPEG loss, most of it in the subsampled colour
    assert load_config(root) == CONFIG


def test_workers_change_nothing_but_the_record_of_their_number(root: Path, tmp_path: Path) -> None:
    make_world(tmp_path / "w", WorldConfig(**{**CONFIG.to_dict(), "workers": 2}), progress=False)
    first, second = _files(root), _files(tmp_path / "w")
    assert first.pop("world.json") != second.pop("world.json")
    assert first == second


def test_it_refuses_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="other files"):
            make_world(tmp_path / "mine", CONFIG, progress=False, overwrite=overwrite)
    assert (tmp_path / "mine/thesis.txt").read_text() == "precious"
    with pytest.raises(DataError, match="is a file"):
        make_world(tmp_path / "mine/thesis.txt", CONFIG, progress=False, overwrite=True)
    with pytest.raises(DataError, match=r"world\.json"):
        load_config(tmp_path / "mine")


def test_an_earlier_world_is_replaced_only_on_request(tmp_path: Path) -> None:
    target = tmp_path / "w"
    target.mkdir()  # an empty folder is fine
    make_world(target, CONFIG, progress=False)
    other = WorldConfig(**{**CONFIG.to_dict(), "seed": 2})
    with pytest.raises(DataError, match="already here"):
        make_world(target, other, progress=False)
    assert load_config(target) == CONFIG
    make_world(target, other, progress=False, overwrite=True)
    assert load_config(target) == other
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_kill_in_the_middle_leaves_what_was_there(tmp_path: Path, earlier: bool) -> None:
    target = tmp_path / "w"
    if earlier:
        make_world(target, CONFIG, progress=False)
    process = subprocess.Popen([sys.executable, "-c", _SLOW_WORLD, str(target)])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".w.building/Data/VID/train/*/*/*.JPEG")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert load_config(target) == CONFIG if earlier else not target.exists()


def test_files_that_are_not_the_worlds_are_never_removed(tmp_path: Path) -> None:
    target = tmp_path / "w"
    make_world(target, CONFIG, progress=False)
    (target / ".clab_lite").mkdir()
    (target / ".clab_lite/train.npz").write_text("the stored index may go")
    for name in ("notes.txt", "Lists/DET_train_30classes.txt", "Data/VID/val/ILSVRC2015_val_00000009/000000.JPEG"):
        foreign = target / name
        foreign.parent.mkdir(exist_ok=True)
        foreign.write_text("precious")
        with pytest.raises(DataError, match=rf"{name}: .*not part of it"):
            make_world(target, CONFIG, progress=False, overwrite=True)
        assert foreign.read_text() == "precious"
        foreign.unlink()
    make_world(target, CONFIG, progress=False, overwrite=True)
    assert not (target / ".clab_lite").exists()


def test_what_was_trained_on_a_world_stays_with_it(tmp_path: Path) -> None:
    target = tmp_path / "w"
    make_world(target, CONFIG, progress=False)
    for name in ("trained/clab.safetensors", "study/records.json"):
        (target / name).parent.mkdir()
        (target / name).write_text("hours of work")
    make_world(target, CONFIG, progress=False, overwrite=True)
    assert (target / "trained/clab.safetensors").read_text() == "hours of work"
    assert (target / "study/records.json").read_text() == "hours of work"
    assert load_config(target) == CONFIG


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for overwrite in (False, True):
        make_world(tmp_path / "link", CONFIG, progress=False, overwrite=overwrite)
        assert load_config(tmp_path / "real") == CONFIG
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]
        assert (tmp_path / "link").is_symlink()


def test_the_current_folder_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in (".", tmp_path, tmp_path.parent):
        with pytest.raises(DataError, match="current folder"):
            make_world(root, CONFIG, progress=False, overwrite=True)


def test_the_next_run_mends_what_a_kill_between_the_renames_left(tmp_path: Path) -> None:
    target = tmp_path / "w"
    make_world(target, CONFIG, progress=False)
    target.rename(tmp_path / ".w.replaced")
    (tmp_path / ".w.building").mkdir()
    with pytest.raises(DataError, match="already here"):
        make_world(target, CONFIG, progress=False)
    assert load_config(target) == CONFIG
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_two_at_once_do_not_replace_each_other(tmp_path: Path) -> None:
    target = tmp_path / "w"
    with reserved(target), pytest.raises(FolderInUse, match=rf"w: process {os.getpid()} .*is making this"):
        make_world(target, CONFIG, progress=False)
    make_world(target, CONFIG, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_an_error_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("disk full")

    monkeypatch.setattr("clab_lite.data.world.write.annotation_xml", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        make_world(tmp_path / "w", CONFIG, progress=False)
    assert list(tmp_path.iterdir()) == []
