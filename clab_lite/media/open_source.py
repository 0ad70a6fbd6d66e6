"""From the paths that a person names to a source of frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from clab_lite.errors import DataError
from clab_lite.media.pictures import SUFFIXES, Pictures, frame_paths, in_natural_order
from clab_lite.media.source import Source
from clab_lite.media.video_file import VideoFile


def open_source(inputs: Sequence[Path], rate: float = 25.0) -> Source:
    """The frames of one video file, of one folder of pictures, or of picture files.

    Args:
        inputs: one video file (a file without a picture's suffix), one folder, or picture files of one size. Pictures
            are taken in natural order of their names (2.jpg before 10.jpg).
        rate: frames per second of pictures; a video file has its own.

    Raises:
        DataError: nothing there, several videos or folders, or what cannot be read.
    """
    if not 0 < rate <= 1000:
        raise DataError(f"pictures cannot be shown at {rate} frames per second. Choose more than 0, at most 1000.")
    if not inputs:
        raise DataError("there is nothing to detect in. Name a video, a folder of frames, or pictures.")
    for path in inputs:
        if not path.exists():
            raise DataError.at(path, "", "no such file or folder", "Name a video, a folder of frames, or pictures.")
        if not (path.is_file() or path.is_dir()):
            remedy = "Save what comes out of it in a file first."
            raise DataError.at(path, "", "is a pipe or a device, and cannot be read twice", remedy)
    clock = Fraction(rate).limit_denominator(1001)
    if all(path.is_file() and path.suffix.lower() in SUFFIXES for path in inputs):
        return Pictures(in_natural_order(inputs), clock)
    if len(inputs) > 1:
        other = next(path for path in inputs if path.is_dir() or path.suffix.lower() not in SUFFIXES)
        problem = f"is {'a folder' if other.is_dir() else 'not a picture'}, one of {len(inputs)} inputs"
        raise DataError.at(other, "", problem, "Name one video, or one folder, or any number of pictures.")
    return Pictures(frame_paths(inputs[0]), clock) if inputs[0].is_dir() else VideoFile(inputs[0])
