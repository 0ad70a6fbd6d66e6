"""PyAV, the optional library behind video files: imported when one is read or written."""

from __future__ import annotations

from typing import Any

from clab_lite.errors import DataError


def import_av() -> Any:
    """The module `av`. DataError with the line that installs it when it is missing."""
    try:
        import av
    except ImportError as error:
        remedy = 'Install it with `pip install "av>=17"` (FFmpeg comes with it), or pass a folder of frames.'
        raise DataError(f"video files need the library PyAV, which cannot be imported ({error}). {remedy}") from error
    return av


def open_leniently(path: str, options: dict[str, str]) -> Any:
    """`av.open` for reading, also where a title or the like is not UTF-8."""
    av = import_av()
    try:
        return av.open(path, options=options, metadata_errors="replace")
    except TypeError:  # PyAV from 19 on has no such argument: it is lenient always
        return av.open(path, options=options)
