"""An H.264 video in an mp4 file, written frame by frame with the times of the frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clab_lite.errors import DataError
from clab_lite.media.pyav import import_av

_CODEC = "libx264"
_OPTIONS = {"preset": "ultrafast", "crf": "22", "x264-params": "no-deblock=0"}
"""As close to the pictures as "veryfast" with crf 20, for a quarter of its work; files are up to twice as large."""
_BT709 = 1


@contextmanager
def _system_errors() -> Iterator[None]:
    """FFmpeg's errors as OSError, with the system's number and reason."""
    try:
        yield
    except import_av().FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


class VideoWriter:
    """A new video file. `close` makes it whole, after any number of frames."""

    def __init__(self, path: Path, rate: Fraction, time_base: Fraction, pixel_aspect: Fraction = Fraction(1)) -> None:
        """
        Args:
            path: file to write, whatever its suffix; the format is mp4.
            rate: frames per second, on average.
            time_base: seconds of a tick; times of frames are rounded to it.
            pixel_aspect: width of a pixel divided by its height.

        Raises:
            DataError: no PyAV, or one without H.264.
            OSError: the file cannot be written; `write` and `close` say so too.
        """
        av = import_av()
        if _CODEC not in av.codecs_available:
            remedy = "Install the one from PyPI (`pip install av`), or write pictures: --draw pictures."
            raise DataError(f"this PyAV cannot write H.264 (no {_CODEC} in it). {remedy}")
        with _system_errors():
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._rate, self._time_base, self._pixel_aspect = rate, time_base, pixel_aspect
        self._converter = av.video.reformatter.VideoReformatter()  # one: making it costs more than a frame
        self._stream: Any = None
        self._last = -1

    def write(self, picture: Image.Image, seconds: float) -> None:
        """Add a frame.

        Args:
            picture: RGB; all of one size. H.264 wants even sides: an odd one gets a row or column more, the last again.
            seconds: since the start; a time that is not after the frame before is moved one tick behind it.
        """
        av = import_av()
        pixels = np.asarray(picture)
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._stream is None:
            self._stream = self._new_stream(pixels.shape[1], pixels.shape[0])
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame = self._converter.reformat(frame, format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        self._last = max(round(seconds / self._time_base), self._last + 1)
        frame.pts, frame.time_base = self._last, self._time_base
        with _system_errors():
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder holds back, and the end of the file; it is closed even when that fails."""
        with _system_errors():
            try:
                if self._stream is not None:
                    self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()

    def _new_stream(self, width: int, height: int) -> Any:
        stream = self._container.add_stream(_CODEC, rate=self._rate, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base, context.sample_aspect_ratio = self._time_base, self._pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        return stream
