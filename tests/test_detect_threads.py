"""Detecting decodes ahead and writes behind: what waits, what ends, what Ctrl-C and errors leave."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from seeing_detector import seeing_detector
from tqdm.std import TMonitor
from video_clips import decoded, write_clip

from clab_lite.config import FrameConfig
from clab_lite.detect import detect
from clab_lite.errors import DataError
from clab_lite.frames import frames_at_once
from clab_lite.media.open_source import open_source
from clab_lite.media.results import Results
from clab_lite.media.source import Frame
from clab_lite.media.video_file import VideoFile
from clab_lite.trained import Trained


@pytest.fixture
def seeing() -> Trained:
    return seeing_detector()


def records(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]


def working_threads() -> int:
    """Threads of this process; not the one that tqdm starts with its first bar, for good."""
    return sum(not isinstance(thread, TMonitor) for thread in threading.enumerate())


def test_ctrl_c_leaves_whole_files(seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, out, calls = write_clip(tmp_path / "a.mp4", 30), tmp_path / "out", []
    before = working_threads()
    found = seeing.detector.detect_remembered

    def stopped(*arguments: object, **named: object) -> list[dict]:
        calls.append(1)
        if len(calls) == 3:  # of four frames each
            os.kill(os.getpid(), signal.SIGINT)
        return found(*arguments, **named)

    monkeypatch.setattr(seeing.detector, "detect_remembered", stopped)
    with pytest.raises(KeyboardInterrupt):
        detect(seeing, open_source([clip]), out)
    assert len(records(out)) == len(decoded(out / "annotated.mp4")) == 12
    assert not json.loads((out / "summary.json").read_text())["complete"]
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [".lock"]
    assert Image.open(out / "contact_sheet.jpg").size[0] > 480
    assert working_threads() == before


def test_a_second_ctrl_c_stops_at_once_and_leaves_whole_files(
    seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, out, before, calls = write_clip(tmp_path / "a.mp4", 30), tmp_path / "out", working_threads(), []
    found, add = seeing.detector.detect_remembered, Results.add

    def stopped(*arguments: object, **named: object) -> list[dict]:
        calls.append(1)
        for _ in range(2 if len(calls) == 4 else 0):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return found(*arguments, **named)

    def slow(*arguments: object) -> None:
        time.sleep(0.05)  # some frames still wait to be written
        add(*arguments)

    monkeypatch.setattr(seeing.detector, "detect_remembered", stopped)
    monkeypatch.setattr(Results, "add", slow)
    with pytest.raises(KeyboardInterrupt):
        detect(seeing, open_source([clip]), out)
    assert len(calls) == 4 and [line["frame"] for line in records(out)] == list(range(12))
    assert len(decoded(out / "annotated.mp4")) == 12 and not (out / ".results").exists()
    assert working_threads() == before


@pytest.mark.parametrize("references", ["adaptive", "sliding", "past"])
def test_a_video_of_one_frame(seeing: Trained, tmp_path: Path, references: str) -> None:
    clip, out = write_clip(tmp_path / "a.mp4", 1), tmp_path / "out"
    assert detect(seeing, open_source([clip]), out, references=references).frames == 1
    assert len(records(out)) == len(decoded(out / "annotated.mp4")) == 1


@pytest.mark.parametrize("references", ["adaptive", "sliding", "past"])
def test_few_frames_are_read_ahead_and_few_wait_to_be_written(
    seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, references: str
) -> None:
    clip, alive, most = write_clip(tmp_path / "a.mp4", 100), weakref.WeakSet(), 0
    before = working_threads()
    frames, add = VideoFile.frames, Results.add

    def counted(video: VideoFile) -> Iterator[Frame]:
        for frame in frames(video):
            alive.add(frame)
            yield frame

    def slow(results: Results, frame: Frame, result: dict) -> None:
        nonlocal most
        time.sleep(0.002)  # everything before it has the time to run ahead
        most = max(most, len(alive))
        add(results, frame, result)

    monkeypatch.setattr(VideoFile, "frames", counted)
    monkeypatch.setattr(Results, "add", slow)
    monkeypatch.setattr(Frame, "__hash__", object.__hash__)
    detect(seeing, open_source([clip]), tmp_path / "out", references=references, count=4, draw="none")
    assert [line["frame"] for line in records(tmp_path / "out")] == list(range(100))
    assert 1 < most <= 20
    assert working_threads() == before


@pytest.mark.parametrize("last", [5, 39, 42])
@pytest.mark.parametrize("where", ["reading", "writing"])
def test_an_error_in_another_thread_ends_the_work(
    seeing: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, last: int
) -> None:
    """And every frame before it is written, be it the first of those that are computed together or not."""
    clip, out, before = write_clip(tmp_path / "a.mp4", 100), tmp_path / "out", working_threads()
    frames, add, threads = VideoFile.frames, Results.add, set()

    def stops(video: VideoFile) -> Iterator[Frame]:
        for frame in frames(video):
            threads.add(threading.get_ident())
            if frame.number == last + 1 and where == "reading":
                raise DataError.at(video.path, "a frame", "is damaged", "Record it again.")
            yield frame

    def fails(results: Results, frame: Frame, result: dict) -> None:
        threads.add(threading.get_ident())
        if frame.number == last + 1 and where == "writing":
            raise DataError.at(out, "", "could not be written", "Make room.")
        add(results, frame, result)

    monkeypatch.setattr(VideoFile, "frames", stops)
    monkeypatch.setattr(Results, "add", fails)
    told = {"reading": "a frame: is damaged", "writing": "out: could not be written"}
    with pytest.raises(DataError, match=told[where]):
        detect(seeing, open_source([clip]), out)
    assert [line["frame"] for line in records(out)] == list(range(last + 1))
    assert not json.loads((out / "summary.json").read_text())["complete"]
    assert len(threads) == 2 and threading.get_ident() not in threads
    assert working_threads() == before


def test_few_large_frames_and_several_small_ones_are_computed_together() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [frames_at_once(cpu, FrameConfig(*size)) for size in ((192, 128), (480, 320), (1000, 600))] == [4, 1, 1]
    assert frames_at_once(gpu, FrameConfig(1000, 600)) == 8
