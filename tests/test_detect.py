"""Detecting in videos and pictures, with a small detector of random weights, or a stand-in where speed matters."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from seeing_detector import seeing_detector
from video_clips import decoded, write_clip

from clab_lite import presets
from clab_lite.data.references import adaptive_references
from clab_lite.detect import detect
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.media.open_source import open_source
from clab_lite.media.pictures import natural_key
from clab_lite.media.video_file import VideoFile
from clab_lite.trained import Trained

NAMES = ("bird", "car", "dog")
REAL = Path(__file__).parents[2] / "shared/real"


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    config = presets.tiny()
    detection = replace(config.detector.detection, references=2, score_threshold=0.0, max_detections=5)
    config = replace(config, detector=replace(config.detector, num_classes=3, detection=detection))
    return Trained(VideoDetector(config.detector).eval(), config, NAMES, iteration=0)


@pytest.fixture
def seeing() -> Trained:
    return seeing_detector()


def write_frames(folder: Path, names: list[str], size: tuple[int, int] = (96, 64)) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in names:
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(folder / name)
    return folder


def records(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]


def test_natural_order() -> None:
    names = ["frame10", "frame2", "Frame1", "x", "frame02b"]
    assert sorted(names, key=natural_key) == ["Frame1", "frame2", "frame02b", "frame10", "x"]


def test_every_frame_gets_a_picture_and_a_line(trained: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["2.png", "10.png", "1.png"]), tmp_path / "out"
    done = detect(trained, open_source([frames], rate=10), out, draw_from=0.0)
    assert [line["name"] for line in records(out)] == ["1.png", "2.png", "10.png"]
    assert [line["seconds"] for line in records(out)] == [0, 0.1, 0.2]
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    pictures = [f"pictures/{number}.jpg" for number in (1, 10, 2)]
    assert made == [".lock", "contact_sheet.jpg", "detections.jsonl", *pictures, "summary.json"]
    for line in records(out):
        boxes = np.array(line["boxes"])
        assert 0 < len(boxes) == len(line["scores"]) == len(line["labels"]) <= 5
        assert boxes.min() >= 0  # in pixels of the file, 96x64, not of the resized 192x128
        assert boxes[:, [0, 2]].max() <= 96 and boxes[:, [1, 3]].max() <= 64
    drawn = Image.open(out / "pictures/1.jpg")
    assert drawn.size == (672, 448)  # enlarged 7 times, to 640 pixels or more
    original = np.asarray(Image.open(frames / "1.png").resize(drawn.size, Image.Resampling.BICUBIC), dtype=float)
    assert np.abs(np.asarray(drawn, dtype=float) - original).mean() > 5  # boxes are drawn
    summary = json.loads((out / "summary.json").read_text())
    assert summary["class_names"] == list(NAMES) and summary["complete"] and summary["frames"] == done.frames == 3


def test_files_in_any_order_are_one_folder(trained: Trained, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", ["2.png", "10.png", "1.png"])
    detect(trained, open_source([frames]), tmp_path / "a", draw="none")
    detect(trained, open_source([frames / f"{n}.png" for n in (10, 2, 1)]), tmp_path / "b", draw="none")
    assert records(tmp_path / "a") == records(tmp_path / "b")
    assert not (tmp_path / "a/pictures").exists()


@pytest.mark.parametrize("references", ["adaptive", "sliding", "past"])
def test_a_video_gives_what_its_frames_give(trained: Trained, tmp_path: Path, references: str) -> None:
    clip = write_clip(tmp_path / "a.mp4", 4, (96, 64), ticks=[0, 40, 200, 500])
    frames = tmp_path / "frames"
    frames.mkdir()
    for number, pixels in enumerate(decoded(clip)):
        Image.fromarray(pixels).save(frames / f"{number}.png")
    detect(trained, open_source([clip]), tmp_path / "a", references=references, count=2)
    detect(trained, open_source([frames]), tmp_path / "b", references=references, count=2, draw="none")
    results = ("boxes", "scores", "labels")
    pairs = zip(records(tmp_path / "a"), records(tmp_path / "b"), strict=True)
    assert all(a[key] == b[key] for a, b in pairs for key in results)
    assert [line["seconds"] for line in records(tmp_path / "a")] == [0, 0.04, 0.2, 0.5]
    drawn = VideoFile(tmp_path / "a/annotated.mp4")
    assert [frame.seconds for frame in drawn.frames()] == pytest.approx([0, 0.04, 0.2, 0.5], abs=1e-6)
    assert drawn.size == (672, 448)


def test_the_right_frames_are_remembered(seeing: Trained, tmp_path: Path) -> None:
    """Through the video reader: sought references show the frames of those numbers."""
    clip = write_clip(tmp_path / "a.mp4", 40)
    detect(seeing, open_source([clip]), tmp_path / "out", count=14, draw="none")
    seen = seeing.detector.seen
    levels = [key for key, _ in seen]
    assert len(set(levels)) == 40
    assert all(memory == [levels[n] for n in adaptive_references(40, 14)] for _, memory in seen)


def test_odd_sides_get_one_pixel_more_in_the_video(seeing: Trained, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", ["1.png", "2.png"], size=(705, 501))
    detect(seeing, open_source([frames], rate=5), tmp_path / "out", draw="video")
    video = VideoFile(tmp_path / "out/annotated.mp4")
    assert video.size == (706, 502) and float(video.rate) == 5 and len(video) == 2
    assert records(tmp_path / "out")[0]["boxes"] == [[0, 0, 352.5, 501]]


def test_a_second_run_replaces_the_first_and_nothing_else(seeing: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["1.png", "2.png"]), tmp_path / "out"
    detect(seeing, open_source([frames]), out)
    (out / "notes.txt").write_text("mine")
    (out / "pictures/mine.jpg").write_text("mine")
    (frames / "2.png").unlink()
    detect(seeing, open_source([frames]), out)
    assert {path.name for path in (out / "pictures").iterdir()} == {"1.jpg", "mine.jpg"}
    (frames / "1.png").rename(frames / "mine.png")
    with pytest.raises(DataError, match=r"mine\.jpg.*not from earlier detections"):
        detect(seeing, open_source([frames]), out)
    assert (out / "pictures/mine.jpg").read_text() == "mine" and (out / "pictures/1.jpg").exists()
    detect(seeing, open_source([frames]), out, draw="video")
    assert {path.name for path in (out / "pictures").iterdir()} == {"mine.jpg"}
    (out / "summary.json").write_text('{"files": ["../frames/mine.png"]}')
    with pytest.raises(DataError, match=r"summary\.json.*not from earlier detections"):
        detect(seeing, open_source([frames]), out)
    assert (frames / "mine.png").exists()


def test_a_folder_of_other_files_is_refused(seeing: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", ["1.png"]), tmp_path / "out"
    out.mkdir()
    (out / "detections.jsonl").write_text("mine")
    with pytest.raises(DataError, match=r"detections\.jsonl.*not from earlier detections"):
        detect(seeing, open_source([frames]), out)
    with pytest.raises(DataError, match="frames themselves"):
        detect(seeing, open_source([frames]), frames)
    assert [path.name for path in out.iterdir()] == ["detections.jsonl"]


def test_a_bad_frame_ends_the_work_and_keeps_what_was_done(seeing: Trained, tmp_path: Path) -> None:
    frames, out = write_frames(tmp_path / "frames", [f"{n}.png" for n in range(5)]), tmp_path / "out"
    (frames / "3.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"3\.png"):
        detect(seeing, open_source([frames]), out, draw="video", references="past")
    assert len(records(out)) == len(VideoFile(out / "annotated.mp4")) == 3
    assert not json.loads((out / "summary.json").read_text())["complete"]
    Image.new("RGB", (50, 50)).save(frames / "0.png")
    before = (out / "annotated.mp4").read_bytes()
    with pytest.raises(DataError, match=r"1\.png.*96x64.*50x50"):
        detect(seeing, open_source([frames]), tmp_path / "new", references="sliding")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".lock"]  # nothing was done
    with pytest.raises(DataError, match=r"3\.png|1\.png"):
        detect(seeing, open_source([frames]), out, draw="video")
    assert (out / "annotated.mp4").read_bytes() == before


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """In a process of its own: what others used there before would hide growth. 800 held frames would take 37 MB."""
    script = Path(__file__).parent / "long_video.py"
    command = [sys.executable, str(script), str(tmp_path), "1600", "none"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    early, late = map(int, answer.stdout.split())
    assert late - early < 8_000  # kB


@pytest.mark.parametrize(("option", "message"), [
    ({"draw_from": 5}, "0 to 1"), ({"draw_from": float("nan")}, "0 to 1"), ({"count": 0}, "1 or more"),
    ({"references": "future"}, "adaptive, sliding, past"),
])  # fmt: skip
def test_options_are_checked_first(seeing: Trained, tmp_path: Path, option: dict, message: str) -> None:
    frames = write_frames(tmp_path / "frames", ["1.png"])
    with pytest.raises(DataError, match=message):
        detect(seeing, open_source([frames]), tmp_path / "out", **option)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not here")
def test_real_clips(seeing: Trained, tmp_path: Path) -> None:
    done = detect(seeing, open_source([REAL / "video/mmtracking_demo.mp4"]), tmp_path / "video", references="past")
    assert done.frames == 8 and done.drawn == 8 and not done.notes
    written = decoded(tmp_path / "video/annotated.mp4")
    assert len(written) == 8 and written[0].shape == (1080, 1920, 3)
    original = decoded(REAL / "video/mmtracking_demo.mp4")
    right = np.s_[200:900, 1000:1900]  # where nothing is drawn
    for new, old in zip(written, original, strict=True):
        assert np.abs(new[right].astype(float).mean((0, 1)) - old[right].astype(float).mean((0, 1))).max() < 2
    frames = sorted((REAL / "davis_car_shadow/frames").iterdir())[:5]
    assert detect(seeing, open_source(frames), tmp_path / "frames").frames == 5
