"""What is written for people: annotated videos, drawn boxes, the contact sheet, folders of results."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont
from video_clips import decoded, write_clip

from clab_lite.errors import DataError
from clab_lite.media.contact_sheet import ContactSheet, clock
from clab_lite.media.drawing import annotated, annotated_at, draw
from clab_lite.media.open_source import open_source
from clab_lite.media.pyav import import_av
from clab_lite.media.result_folder import ResultFolder, require_results
from clab_lite.media.source import Frame
from clab_lite.media.video_file import VideoFile
from clab_lite.media.video_writer import VideoWriter


def result(*scores: float) -> dict[str, torch.Tensor]:
    boxes = torch.tensor([[10.0, 20, 40, 50]]).repeat(len(scores), 1)
    return {"boxes": boxes, "scores": torch.tensor(scores), "labels": torch.zeros(len(scores), dtype=torch.int64)}


def test_colours_and_times_survive(tmp_path: Path) -> None:
    path, colours = tmp_path / "a.part", [(200, 40, 40), (40, 180, 60), (30, 60, 210)]
    writer = VideoWriter(path, Fraction(30000, 1001), Fraction(1, 90000), Fraction(4, 3))
    for number, colour in enumerate(colours):
        writer.write(Image.new("RGB", (64, 48), colour), number * 1001 / 30000)
    writer.close()
    for pixels, colour in zip(decoded(path), colours, strict=True):
        assert np.abs(pixels.astype(float).mean((0, 1)) - colour).max() < 4
    video = VideoFile(path)
    assert [frame.seconds for frame in video.frames()] == pytest.approx([i * 1001 / 30000 for i in range(3)], abs=1e-6)
    assert video.pixel_aspect == Fraction(4, 3)


def test_times_that_do_not_rise_are_moved_on(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", Fraction(25), Fraction(1, 1000))
    for seconds in (0.0, 0.04, 0.04, 0.02, 0.1):
        writer.write(Image.new("RGB", (64, 48)), seconds)
    writer.close()
    times = [frame.seconds for frame in VideoFile(tmp_path / "a.mp4").frames()]
    assert times == pytest.approx([0, 0.04, 0.041, 0.042, 0.1], abs=1e-6)


def test_without_h264_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_av(), "codecs_available", {"mpeg4"})
    with pytest.raises(DataError, match=r"cannot write H\.264.*--draw pictures"):
        VideoWriter(tmp_path / "a.mp4", Fraction(25), Fraction(1, 25))
    assert not (tmp_path / "a.mp4").exists()


def test_boxes_are_where_they_are_and_names_stay_inside() -> None:
    picture = Image.new("RGB", (400, 300), "black")
    found = {"boxes": torch.tensor([[380.0, 250, 399, 290]]), "scores": torch.ones(1), "labels": torch.tensor([1])}
    draw(picture, found, ("car", "a long class name"), 0.5)
    pixels = np.asarray(picture).sum(2) > 0
    rows, columns = np.nonzero(pixels)
    assert rows.max() == 290 and columns.max() == 399
    assert columns.min() < 300  # the name does not fit right of the box's left side
    assert pixels[250:291, 380].all() and not pixels[260:280, 385:395].any()
    hidden = Image.new("RGB", (400, 300), "black")
    draw(hidden, found, (), 1.01)
    assert hidden.getextrema() == ((0, 0), (0, 0), (0, 0))


def test_small_frames_are_enlarged_with_their_boxes() -> None:
    drawn = annotated(torch.zeros(3, 60, 100, dtype=torch.uint8), result(0.9), ("car",), 0.5)
    assert drawn.size == (700, 420)
    assert np.asarray(drawn)[140 : 7 * 50, 7 * 40].any(1).all()  # the right side of the box, 7 times as far
    assert not np.asarray(drawn)[360:, :].any()


@pytest.mark.parametrize("size", [(700, 420), (43, 31), (100, 60)])
def test_frames_are_resized_as_pillow_does(size: tuple[int, int]) -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)).permute(2, 0, 1)
    wanted = Image.fromarray(pixels.permute(1, 2, 0).numpy()).resize(size, Image.Resampling.BICUBIC)
    drawn = annotated_at(pixels, result(), (), 0.5, size)
    assert drawn.size == size and np.abs(np.asarray(drawn, dtype=int) - np.asarray(wanted, dtype=int)).max() <= 1


def test_the_sheet_shows_the_surest_frame_of_each_part() -> None:
    sheet = ContactSheet(36, ("car",), 0.5)
    for number in range(36):
        pixels = torch.full((3, 48, 64), number * 7, dtype=torch.uint8)
        scores = {4: [0.9], 5: [0.6], 7: [0.4]}.get(number, [])
        sheet.add(Frame(number, number / 10, pixels), result(*scores))
    kept = [caption.split()[-1] for _, _, caption in sheet._tiles.values()]
    assert kept == ["0", "4", "6", *(str(number) for number in range(9, 36, 3))]
    assert sheet.picture().size == (4 * 492 + 12, 3 * (360 + 50) + 12)


def test_a_sheet_of_few_frames_and_of_fewer_than_expected() -> None:
    for expected, given, columns in ((1, 1, 1), (3, 3, 3), (100, 16, 2), (2, 30, 2)):
        sheet = ContactSheet(expected, (), 0.5)
        for number in range(given):
            sheet.add(Frame(number, 0.0, torch.zeros(3, 10, 10, dtype=torch.uint8)), result())
        assert sheet.picture().size[0] == columns * 492 + 12


def test_names_on_a_sheet_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown 950 pixels wide (a page at 100 dots per inch), letters have 9 points, 12.5 pixels."""
    sizes: list[float] = []
    own = ImageFont.load_default
    monkeypatch.setattr(ImageFont, "load_default", lambda size: (sizes.append(size), own(size))[1])
    sheet = ContactSheet(12, ("car",), 0.5)
    for number in range(12):
        sheet.add(Frame(number, 0.0, torch.zeros(3, 128, 192, dtype=torch.uint8)), result(0.9))
    picture = sheet.picture()
    assert len(sizes) == 13 and min(sizes) * 950 / picture.width >= 9 / 72 * 100 - 0.05


def test_clock() -> None:
    assert [clock(s) for s in (0, 0.3, 59.96, 61.25, 3723.0)] == ["0:00.0", "0:00.3", "0:59.9", "1:01.2", "1:02:03.0"]


def test_lines_of_a_killed_process_are_kept_and_the_folder_is_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for expected in ("detections.incomplete.jsonl", "detections.incomplete.2.jsonl"):
        require_results(out)
        killed = ResultFolder(out, ["detections.jsonl"])
        (killed.staging / "detections.jsonl").write_text("1\n2\nhal")
        (killed.staging / "annotated.mp4").write_text("half")
        require_results(out)  # what was left does not make the folder someone else's
        folder = ResultFolder(out, ["detections.jsonl"])
        kept = "holds the 2 frames that a killed detection had finished; this one begins anew"
        assert folder.rescued == f"{out / expected} {kept}"
        assert (out / expected).read_text() == "1\n2\n"
        assert [path.name for path in folder.staging.iterdir()] == [".reserve"]
        folder.discard()
    assert ResultFolder(out, []).rescued is None
    folder = ResultFolder(out, ["detections.jsonl"])
    assert folder.rescued is None
    (folder.staging / "detections.jsonl").write_text("whole\n")
    folder.keep({"frames": 1})
    folder.discard()
    kept = ["detections.incomplete.2.jsonl", "detections.incomplete.jsonl", "detections.jsonl", "summary.json"]
    assert sorted(os.listdir(out)) == kept


def test_inputs_that_are_not_one_video(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    picture, clip = tmp_path / "1.png", write_clip(tmp_path / "a.mp4", 2)
    Image.new("RGB", (64, 48)).save(picture)
    for inputs, message in [
        ([], "nothing to detect in"),
        ([tmp_path / "nowhere"], "no such file or folder"),
        ([tmp_path / "empty"], "holds no picture"),
        ([clip, clip], r"a\.mp4: is not a picture, one of 2 inputs"),
        ([picture, tmp_path / "empty"], "empty: is a folder, one of 2 inputs"),
        ([picture, picture], "two pictures share this name"),
    ]:
        with pytest.raises(DataError, match=message):
            open_source(inputs)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        with pytest.raises(DataError, match=r"pipe\.mp4: is a pipe or a device"):
            open_source([tmp_path / "pipe.mp4"])
    for rate in (0, -1, float("nan"), 1e9):
        with pytest.raises(DataError, match="frames per second"):
            open_source([picture], rate)
