"""Detecting in a folder of frames, with a small detector of random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clab_lite import presets
from clab_lite.detect_folder import detect_folder, frame_paths, natural_key
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.trained import Trained

NAMES = ("bird", "car", "dog")


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    config = presets.tiny()
    detection = replace(config.detector.detection, references=2, score_threshold=0.0, max_detections=5)
    config = replace(config, detector=replace(config.detector, num_classes=3, detection=detection))
    return Trained(VideoDetector(config.detector).eval(), config, NAMES, iteration=0)


def write_frames(folder: Path, names: list[str], size: tuple[int, int] = (96, 64)) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in names:
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(folder / name)
    return folder


def test_natural_order() -> None:
    names = ["frame10", "frame2", "Frame1", "x", "frame02b"]
    assert sorted(names, key=natural_key) == ["Frame1", "frame2", "frame02b", "frame10", "x"]


def test_every_frame_gets_a_picture_and_a_record(trained: Trained, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", ["2.png", "10.png", "1.png"])
    path = detect_folder(trained, frames, tmp_path / "out", draw_from=0.0)
    content = json.loads(path.read_text())
    assert [record["file"] for record in content["frames"]] == ["1.png", "2.png", "10.png"]
    assert content["class_names"] == list(NAMES)
    assert sorted(p.name for p in path.parent.iterdir()) == ["1.jpg", "10.jpg", "2.jpg", "detections.json"]
    for record in content["frames"]:
        boxes = np.array(record["boxes"])
        assert 0 < len(boxes) == len(record["scores"]) == len(record["labels"]) <= 5
        assert boxes.min() >= 0  # in pixels of the file, 96x64, not of the resized 192x128
        assert boxes[:, [0, 2]].max() <= record["width"] == 96
        assert boxes[:, [1, 3]].max() <= record["height"] == 64
    drawn = Image.open(path.parent / "1.jpg")
    assert drawn.size == (672, 448)  # enlarged 7 times, to 640 pixels or more
    original = np.asarray(Image.open(frames / "1.png").resize(drawn.size, Image.Resampling.BICUBIC), dtype=float)
    assert np.abs(np.asarray(drawn, dtype=float) - original).mean() > 5  # boxes are drawn


def test_a_second_run_replaces_the_first_and_nothing_else(trained: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["1.png", "2.png"]), tmp_path / "out"
    detect_folder(trained, frames, out)
    (out / "notes.txt").write_text("mine")
    (out / "mine.jpg").write_text("mine")
    (frames / "2.png").unlink()
    detect_folder(trained, frames, out)
    assert {path.name for path in out.iterdir()} == {"1.jpg", "detections.json", "notes.txt", "mine.jpg"}
    (frames / "1.png").rename(frames / "mine.png")
    with pytest.raises(DataError, match=r"mine\.jpg.*not from earlier detections"):
        detect_folder(trained, frames, out)
    assert (out / "mine.jpg").read_text() == "mine"
    assert (out / "1.jpg").exists()


def test_a_folder_of_other_files_is_refused(trained: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["1.png"]), tmp_path / "out"
    out.mkdir()
    (out / "1.jpg").write_text("mine")
    with pytest.raises(DataError, match=r"1\.jpg.*not from earlier detections"):
        detect_folder(trained, frames, out)
    (out / "detections.json").write_text("[]")
    with pytest.raises(DataError, match=r"detections\.json.*not from earlier detections"):
        detect_folder(trained, frames, out)
    assert (out / "1.jpg").read_text() == "mine"


def test_work_cut_short_lists_what_it_drew(trained: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["1.png", "2.png", "3.png", "4.png", "5.png"]), tmp_path / "out"
    detect_folder(trained, frames, out)
    (frames / "4.png").write_bytes(b"not a picture")  # references are the first and the last frame
    with pytest.raises(DataError, match=r"4\.png"):
        detect_folder(trained, frames, out)
    listed = [record["file"] for record in json.loads((out / "detections.json").read_text())["frames"]]
    assert {path.name for path in out.glob("*.jpg")} == {f"{Path(name).stem}.jpg" for name in listed}


@pytest.mark.parametrize("score", [5, -0.1, float("nan")])
def test_scores_from_0_to_1(trained: Trained, tmp_path: Path, score: float) -> None:
    frames = write_frames(tmp_path / "frames", ["1.png"])
    with pytest.raises(DataError, match=r"0 to 1"):
        detect_folder(trained, frames, tmp_path / "out", draw_from=score)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_named(trained: Trained, tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    video.write_bytes(b"x")
    with pytest.raises(DataError, match=r"film\.mp4.*ffmpeg"):
        frame_paths(video)
    with pytest.raises(DataError, match="no such folder"):
        frame_paths(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        frame_paths(tmp_path / "empty")
    frames = write_frames(tmp_path / "frames", ["1.png", "2.png"])
    with pytest.raises(DataError, match="frames themselves"):
        detect_folder(trained, frames, frames)
    Image.new("RGB", (50, 50)).save(frames / "3.png")
    with pytest.raises(DataError, match=r"3\.png.*50x50.*96x64"):
        detect_folder(trained, frames, tmp_path / "out")
    (frames / "3.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"3\.png"):
        detect_folder(trained, frames, tmp_path / "out")
    (frames / "2.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="share this name"):
        frame_paths(frames)
