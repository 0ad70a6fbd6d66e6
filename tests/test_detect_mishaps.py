"""What goes wrong around a detection: a second process, a full disk, a killed process, a file that was cut off."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from seeing_detector import seeing_detector
from video_clips import write_clip

from clab_lite.cli import main
from clab_lite.detect import detect
from clab_lite.errors import DataError
from clab_lite.media.open_source import open_source
from clab_lite.media.video_file import VideoFile
from clab_lite.media.video_writer import VideoWriter
from clab_lite.trained import Trained
from clab_lite.training.folder_lock import LOCK, hold

KILLED = """
import os, signal, sys
from pathlib import Path
from seeing_detector import seeing_detector
from clab_lite.detect import detect
from clab_lite.media.open_source import open_source
from clab_lite.media.results import Results

calls, add = [], Results.add

def killed(*arguments):
    calls.append(1)
    if len(calls) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    add(*arguments)

Results.add = killed
detect(seeing_detector(), open_source([Path(sys.argv[1])]), Path(sys.argv[2]))
"""


@pytest.fixture
def seeing() -> Trained:
    return seeing_detector()


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/hidden/place")


def test_a_second_run_in_the_same_folder_is_refused(seeing: Trained, tmp_path: Path) -> None:
    clip, out, staging = write_clip(tmp_path / "a.mp4", 4), tmp_path / "out", tmp_path / "out/.results"
    with hold(out):
        staging.mkdir()
        (staging / "detections.jsonl").write_text("of the first\n")
        with pytest.raises(DataError, match=rf"out: process {os.getpid()}.*is working in this folder.*another folder"):
            detect(seeing, open_source([clip]), out)
        assert (staging / "detections.jsonl").read_text() == "of the first\n"
    assert detect(seeing, open_source([clip]), out).frames == 4


@pytest.mark.parametrize("fails", ["the end of the video", "a frame of the video", "a line", "the sheet"])
def test_a_full_disk_leaves_what_was_done(
    seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    clip, out = write_clip(tmp_path / "a.mp4", 6), tmp_path / "out"
    done = 6
    if fails == "the end of the video":
        monkeypatch.setattr(VideoWriter, "close", no_room)
    elif fails == "the sheet":
        monkeypatch.setattr(Image.Image, "save", no_room)
    else:
        done = 3
        place = VideoWriter if fails == "a frame of the video" else json
        name = "write" if place is VideoWriter else "dumps"
        real, calls = getattr(place, name), []

        def third_fails(*arguments: object, **named: object) -> object:
            calls.append(1)
            return no_room() if len(calls) == (3 if place is VideoWriter else 4) else real(*arguments, **named)

        monkeypatch.setattr(place, name, third_fails)
    with pytest.raises(DataError, match=rf"^{out}: could not be written \(No space left on device\); .*{done} frames"):
        detect(seeing, open_source([clip]), out)
    monkeypatch.undo()
    assert [line["frame"] for line in lines(out / "detections.jsonl")] == list(range(done))
    summary = json.loads((out / "summary.json").read_text())
    assert not summary["complete"] and summary["frames"] == done
    there = {path.name for path in out.iterdir()} - {LOCK, "summary.json"}
    assert there == set(summary["files"])
    assert ("annotated.mp4" in there) == (fails != "the end of the video")
    if "annotated.mp4" in there:
        assert len(VideoFile(out / "annotated.mp4")) in (done, done - 1)
    assert detect(seeing, open_source([clip]), out).frames == 6  # with room again


def test_complete_results_stay_when_a_second_detection_ends_early(
    seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, out = write_clip(tmp_path / "a.mp4", 6), tmp_path / "out"
    detect(seeing, open_source([clip]), out)
    complete = {path.name: path.read_bytes() for path in out.iterdir() if path.name != LOCK}
    real, calls = VideoWriter.write, []

    def third_fails(*arguments: object) -> None:
        calls.append(1)
        return no_room() if len(calls) == 3 else real(*arguments)

    for left in ("detections.incomplete.jsonl", "detections.incomplete.2.jsonl"):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(VideoWriter, "write", third_fails)
            with pytest.raises(DataError, match=r"could not be written.*the lines of 3 frames are kept"):
                detect(seeing, open_source([clip]), out)
        assert f"{left} holds the lines of the 3 frames" in capsys.readouterr().out
        assert (out / left).read_bytes() == b"".join(complete["detections.jsonl"].splitlines(True)[:3])
        assert {name: (out / name).read_bytes() for name in complete} == complete
    detect(seeing, open_source([clip]), out, draw="none")  # one that is complete replaces them
    assert not (out / "annotated.mp4").exists() and len(lines(out / "detections.jsonl")) == 6


def test_lines_of_a_killed_run_are_kept(seeing: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, out = write_clip(tmp_path / "a.mp4", 12), tmp_path / "out"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1]))),
    }
    command = [sys.executable, "-c", KILLED, str(clip), str(out)]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    detect(seeing, open_source([clip]), out)
    assert (
        "detections.incomplete.jsonl holds the 7 frames that a killed detection had finished" in capsys.readouterr().out
    )
    whole, left = lines(out / "detections.jsonl"), lines(out / "detections.incomplete.jsonl")
    assert left == whole[:7] and len(whole) == 12


def test_a_link_to_itself_is_no_folder_to_write(seeing: Trained, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "a.mp4", 2), tmp_path / "loop"
    out.symlink_to(out)
    with pytest.raises(DataError, match="loop: cannot be followed: a symbolic link that leads back to itself"):
        detect(seeing, open_source([clip]), out)
    assert out.is_symlink()


def test_a_video_that_was_cut_off_is_told(
    seeing: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clab_lite.trained.load_run", lambda *_: seeing)
    for name, codec, words in (("a.avi", "mpeg4", "of the 100 frames"), ("a.mkv", "libx264", "of the 4.0 seconds")):
        clip = write_clip(tmp_path / name, 100, codec=codec)
        assert sum(1 for _ in open_source([clip]).frames()) == 100
        whole = open_source([clip])
        list(whole.frames())
        assert whole.notes == []
        clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
        assert main(["detect", "run", str(clip), "--out", str(tmp_path / f"{name}.out"), "--draw", "none"]) == 0
        assert f"note: {name} is cut short: " in (said := capsys.readouterr().out) and words in said
        assert words in str(json.loads((tmp_path / f"{name}.out/summary.json").read_text())["notes"])
