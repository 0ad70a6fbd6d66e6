"""Small video files made for a test."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

av = pytest.importorskip("av")


def shade(number: int) -> int:
    """The grey level of frame `number`; all of the first 43 are told apart after compression."""
    return 20 + 5 * (number * 7 % 43)


def number_of(pixels: NDArray) -> int:
    """Which of the first 43 frames shows about this grey level."""
    level = float(np.asarray(pixels).mean())
    return min(range(43), key=lambda number: abs(shade(number) - level))


def write_clip(
    path: Path,
    count: int = 20,
    size: tuple[int, int] = (64, 48),
    *,
    codec: str = "libx264",
    rate: int = 25,
    ticks: Sequence[int] | None = None,
    keys: int = 8,
    b_frames: int = 2,
    frames: Sequence[NDArray] | None = None,
) -> Path:
    """A video of `count` grey frames (see `shade`), or of the given ones; `ticks` are their times in 1/1000 s."""
    options = {"g": str(keys), "bf": str(b_frames), "crf": "10"} if codec == "libx264" else {"g": str(keys)}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec == "mpeg4":
            stream.codec_context.max_b_frames, stream.codec_context.bit_rate = b_frames, 2_000_000
        if ticks is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(count):
            grey = np.full((size[1], size[0], 3), shade(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey if frames is None else frames[number], format="rgb24")
            if ticks is not None:
                frame.pts, frame.time_base = ticks[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix (a, b, c, d) into the track header of an mp4 file, as a phone does."""
    content = path.read_bytes()
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = content.index(identity, content.index(b"tkhd"))
    a, b, c, d = (value << 16 for value in matrix)
    turned = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:place] + turned + content[place + len(turned) :])
    return path


def decoded(path: Path) -> list[NDArray]:
    """All frames by the plainest loop there is."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
