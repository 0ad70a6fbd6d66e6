"""Readers of videos: files through FFmpeg, in a process of their own, and folders of pictures."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from video_clips import turn, write_clip

from clab_lite.media.open_source import open_source
from trials.fuzz.child import Child
from trials.fuzz.mutate import BYTES
from trials.fuzz.target import Changes, Special, Target, Tree, mutated, one_file
from trials.fuzz.worlds import pictures

_CODECS = (
    ("a.mp4", "libx264"), ("a.mp4", "mpeg4"), ("a.avi", "mpeg4"), ("a.avi", "mjpeg"), ("a.webm", "libvpx"), ("a.mkv",
    "libx264"),
    ("a.mov", "mjpeg"), ("a.ts", "mpeg2video"), ("a.gif", "gif"), ("a.flv", "flv"),
)  # fmt: skip
_MOST_FRAMES = 20_000
_FIELDS = (b"mvhd", b"mdhd", b"tkhd", b"stts", b"stsz", b"stsc", b"stco", b"avc1", b"mp4v", b"avcC", b"elst",
           b"ctts", b"stss",
           b"avih", b"strh", b"strf", b"idx1", b"dmlh", b"movi", b"\x42\x86", b"\x44\x89", b"\x2a\xd7\xb1", b"\xb0",
           b"\xba",
           b"\x23\xe3\x83", b"\xae")  # fmt: skip
"""Where headers hold sizes, counts, times, rates and matrices."""
_NUMBERS = (0, 1, 2, 255, 2**15, 2**16 - 1, 10**9, 2**31 - 1, 2**31, 2**32 - 1, 16_384, 65_535)


@cache
def _clips() -> tuple[bytes, ...]:
    """Eight frames of 64 x 48 in each format; the second also turned by a quarter."""
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for name, codec in _CODECS:
            path = Path(folder) / name
            try:
                made.append(write_clip(path, 8, codec=codec).read_bytes())
            except Exception:  # this build of FFmpeg cannot write it
                continue
            if codec == "mpeg4" and path.suffix == ".mp4":
                made.append(turn(path, (0, 1, -1, 0)).read_bytes())
        return tuple(made)


def changed_header(rng: Random, content: bytes) -> bytes:
    """A number of a header is another one: sizes, counts, times, rates."""
    found = [place for field in _FIELDS if (place := content.find(field)) >= 0]
    start = rng.choice(found) if found else 0
    place = min(start + 2 + rng.randrange(60), max(len(content) - 4, 0))
    order, width = rng.choice((">", "<")), rng.choice("IIIH")
    number = rng.choice(_NUMBERS)
    packed = struct.pack(f"{order}{width}", number & (0xFFFF if width == "H" else 0xFFFFFFFF))
    return content[:place] + packed + content[place + len(packed) :]


def another_size(rng: Random, content: bytes) -> bytes:
    """It goes on as another clip."""
    other = rng.choice(_clips())
    place = rng.randint(0, len(content))
    return content[:place] + other[rng.randint(0, len(other)) :]


def read_video(path: Path) -> None:
    """As `clab-lite detect` does: all frames, then some of them again."""
    source = open_source([path])
    width, height = source.size
    assert width > 0 < height and source.rate > 0 and source.time_base > 0 and source.pixel_aspect > 0
    assert len(source) <= _MOST_FRAMES, f"{len(source)} frames"
    last = -1.0
    for frame in source.frames():
        assert frame.number < _MOST_FRAMES and frame.pixels.shape == (3, height, width)
        assert frame.seconds == frame.seconds and abs(frame.seconds) < 1e12, f"at {frame.seconds} s"
        last = frame.seconds
    picked = [number for number, _ in source.pick({0, len(source) // 2, len(source) - 1})]
    assert picked == sorted(picked) and last >= -1e12


_read = Child(read_video, seconds=20, megabytes=400)


def _folder() -> Tree:
    return {f"frames/{number:02d}.jpg": pictures()[0] for number in range(3)}


def _change_folder(rng: Random, tree: Tree) -> Changes:
    name = rng.choice(list(tree))
    what = rng.random()
    if what < 0.1:
        return {name: Special(rng.choice(("folder", "pipe", "gone")))}
    if what < 0.3:
        odd = rng.choice(("frames/0.png", "frames/9²9.jpg", "frames/00.JPEG", "frames/.jpg", f"frames/{'9' * 200}.jpg"))
        return {odd: rng.choice(pictures())}
    return {name: mutated(rng, tree[name], BYTES)}


def _read_folder(root: Path) -> None:
    source = open_source([root / "frames"])
    shapes = {tuple(frame.pixels.shape) for frame in source.frames()}
    assert shapes == {(3, source.size[1], source.size[0])}


TARGETS: tuple[Target, ...] = (
    one_file(
        "videos",
        "clip.mp4",
        _clips,
        (changed_header, changed_header, changed_header, another_size, *BYTES),
        _read,
        150,
        factor=20,
        guided=None,
        seconds=20.0,
        megabytes=256,
    ),
    Target("folder of frames", _folder, _change_folder, _read_folder, 200, factor=10, megabytes=256),
)
