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
