"""Video files: order, count, times, random access, turned and damaged ones. Made here, and one real file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from video_clips import av, decoded, number_of, shade, turn, write_clip

from clab_lite.errors import DataError
from clab_lite.media.video_file import VideoFile

REAL = Path(__file__).parents[3] / "shared/real/video/mmtracking_demo.mp4"

KINDS = [
    ("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"),
    ("a.avi", "mpeg4"), ("b.mp4", "mpeg4"), ("a.avi", "mjpeg"), ("a.h264", "libx264"), ("a.webm", "libvpx"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codec"), KINDS)
def test_frames_count_and_picks_agree_with_a_full_decode(name: str, codec: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, 30, codec=codec)
    expected = decoded(path)
    video = VideoFile(path)
    frames = list(video.frames())
    assert len(video) == len(frames) == len(expected) == 30
    for frame, pixels in zip(frames, expected, strict=True):
        assert np.array_equal(frame.pixels.permute(1, 2, 0).numpy(), pixels)
    assert [number_of(pixels) for pixels in expected] == list(range(30))
    wanted = [29, 0, 7, 8, 9, 15, 28, 7]
    picked = dict(video.pick(wanted))
    assert list(picked) == sorted(set(wanted))
    for number, pixels in picked.items():
        assert np.array_equal(pixels.permute(1, 2, 0).numpy(), expected[number]), number
    assert video.size == (64, 48)
    assert video.notes == []


def test_times(tmp_path: Path) -> None:
    constant = VideoFile(write_clip(tmp_path / "a.mp4", 10, rate=10))
    assert [frame.seconds for frame in constant.frames()] == pytest.approx([0.1 * i for i in range(10)], abs=1e-6)
    assert float(constant.rate) == pytest.approx(10)
    ticks = [0, 40, 55, 200, 201, 950]
    for name in ("b.mp4", "b.mkv"):
        video = VideoFile(write_clip(tmp_path / name, 6, ticks=ticks))
        assert [frame.seconds for frame in video.frames()] == pytest.approx([t / 1000 for t in ticks], abs=1e-6)
        assert [number_of(pixels) for _, pixels in video.pick([1, 4])] == [1, 4]
    late = VideoFile(write_clip(tmp_path / "c.mkv", 3, ticks=[5000, 5040, 5080]))
    assert [frame.seconds for frame in late.frames()] == pytest.approx([0, 0.04, 0.08], abs=1e-6)


@pytest.mark.parametrize("matrix", [
    (1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0),
    (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0),
])  # fmt: skip
def test_phone_videos_stand_upright(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    """Every stored pixel lands where the matrix says, in all eight orientations."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(40, 215, (3, 4), dtype=np.uint8)  # cells of 16x16 pixels
    stored = np.repeat(np.repeat(blocks, 16, 0), 16, 1)[..., None].repeat(3, 2)
    path = turn(write_clip(tmp_path / "a.mp4", 2, frames=[stored, stored]), matrix)
    a, b, c, d = matrix
    expected = {(a * x + c * y, b * x + d * y): blocks[y, x] for y in range(3) for x in range(4)}
    left, top = (min(place[axis] for place in expected) for axis in (0, 1))
    video = VideoFile(path)
    (frame, _), (_, picked) = list(video.frames()), next(iter(video.pick([0])))
    assert video.size == ((48, 64) if b else (64, 48)) == (frame.pixels.shape[2], frame.pixels.shape[1])
    for (x, y), grey in expected.items():
        cell = frame.pixels[:, 16 * (y - top) : 16 * (y - top + 1), 16 * (x - left) : 16 * (x - left + 1)]
        assert float(cell.float().mean()) == pytest.approx(float(grey), abs=4)
    assert (picked == frame.pixels).all()


def test_a_file_cut_off_gives_the_frames_that_are_there(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9, 10, (40, 64, 64, 3))
    frames = [(shade(number) + noise[number]).astype(np.uint8) for number in range(40)]
    whole = write_clip(tmp_path / "whole.mkv", 40, (64, 64), frames=frames)
    for share in (0.5, 0.8):
        cut = tmp_path / "cut.mkv"
        cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        video = VideoFile(cut)
        found = [number_of(frame.pixels) for frame in video.frames()]
        assert 5 < len(found) < 40
        assert found[:-3] == list(range(len(found) - 3))
        assert len(dict(video.pick(range(len(video))))) == len(video)
    headless = tmp_path / "headless.mp4"
    content = write_clip(tmp_path / "whole.mp4", 40).read_bytes()
    headless.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"headless\.mp4.*cannot be read as a video.*Convert it.*cut short"):
        VideoFile(headless)


def test_damage_in_the_middle_is_left_out_and_told(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", 40, codec="mjpeg")
    content = bytearray(path.read_bytes())
    places = [place for place in range(len(content)) if content[place : place + 3] == b"\xff\xd8\xff"]
    for place in places[10:13]:
        content[place : place + 600] = bytes(600)
    path.write_bytes(bytes(content))
    video = VideoFile(path)
    frames = list(video.frames())
    assert len(frames) == 37
    assert [number_of(frame.pixels) for frame in frames] == [*range(10), *range(13, 40)]
    assert video.notes == ["a.avi is damaged: 3 of its packets could not be decoded"]
    assert len(dict(video.pick([0, 11, 36]))) == 3
    for place in places:
        content[place : place + 600] = bytes(600)
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"a\.avi: cannot be read as a video \(not one frame of it can be decoded\)"):
        VideoFile(path)


def test_another_size_in_the_middle_is_refused(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / f"{size[0]}.ts", 6, size).read_bytes() for size in ((64, 48), (96, 64))]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    frames = VideoFile(path).frames()
    with pytest.raises(DataError, match=r"joined\.ts, frame 6: is 96x64 pixels, the first frame 64x48.*scale=64:48"):
        list(frames)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    for content in (b"", b"no video\n" * 100, b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/x.ts\n"):
        path = tmp_path / "film.mp4"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"film\.mp4: cannot be read as a video"):
            VideoFile(path)
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate = 44100
        container.mux(stream.encode(samples))
        container.mux(stream.encode(None))
    with pytest.raises(DataError, match=r"no video in it, only: audio"):
        VideoFile(sound)
    empty = tmp_path / "empty.mkv"
    content = write_clip(tmp_path / "whole.mkv", 2).read_bytes()
    empty.write_bytes(content[: content.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster of frames
    with pytest.raises(DataError, match=r"empty\.mkv: cannot be read as a video"):
        VideoFile(empty)


def test_without_pyav_the_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", 2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DataError, match=r'pip install "av>=17"'):
        VideoFile(path)


def test_grey_levels_are_told_apart() -> None:
    """What the tests above stand on."""
    assert len({shade(number) for number in range(43)}) == 43


@pytest.mark.skipif(not REAL.exists(), reason="the real clips are not here")
def test_a_real_file() -> None:
    video = VideoFile(REAL)
    frames = list(video.frames())
    assert len(video) == len(frames) == 8
    assert video.size == (1920, 1080)
    assert float(video.rate) == pytest.approx(3, abs=0.01)
    for number, pixels in video.pick([0, 5, 7]):
        assert (pixels == frames[number].pixels).all()


def test_newer_pyav_without_the_argument_for_titles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV 19 took it away; what it does with titles that are not UTF-8 is what the argument asked for."""
    path = write_clip(tmp_path / "a.mp4", 3)
    of_18 = av.open

    def of_19(file: str, mode: str | None = None, *, options: dict[str, str] | None = None) -> object:
        return of_18(file, mode or "r", options=options or {})

    monkeypatch.setattr(av, "open", of_19)
    assert len(list(VideoFile(path).frames())) == 3
