"""The side file that says what makes a frame hard: `<dataset>/troubles.json`.

    {"val/ILSVRC2015_val_00000000": [["motion_blur"], [], ...], ...}

One list of words per frame, for any of the videos. Generated videos come with it; real ones may have one
drawn up by hand.
"""

from __future__ import annotations

import os
import reprlib
from pathlib import Path

from clab_lite.data.classes import TROUBLES
from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError


def read_troubles(path: Path, frame_counts: dict[str, int]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Troubles per video and frame; {} when there is no such file.

    Args:
        path: the side file.
        frame_counts: frames of each video of the index, by name; other videos in the file are left out.

    Raises:
        DataError: not readable, not a JSON object, an unknown word, or another number of frames than the video has.
    """
    if not os.path.lexists(path):
        return {}
    content = read_json(path, "Repair it, or delete it.")
    if not isinstance(content, dict):
        raise DataError.at(path, "", "it is not an object of video names", "Repair it, or delete it.")
    result = {}
    for name, frames in content.items():
        if name not in frame_counts:
            continue
        if not isinstance(frames, list) or len(frames) != frame_counts[name]:
            found = len(frames) if isinstance(frames, list) else type(frames).__name__
            problem = f"{found} frames instead of {frame_counts[name]}"
            raise DataError.at(path, name, problem, "Give one list of words per frame.")
        for frame, words in enumerate(frames):
            _check_words(path, f"{name}, frame {frame}", words)
        result[name] = tuple(tuple(words) for words in frames)
    return result


def _check_words(path: Path, record: str, words: object) -> None:
    if not isinstance(words, list):
        raise DataError.at(path, record, f"{reprlib.repr(words)} is not a list", "Give one list of words per frame.")
    unknown = [word for word in words if word not in TROUBLES]
    if unknown:
        raise DataError.at(
            path, record, f"{reprlib.repr(unknown[0])} is unknown", f"Use one of: {', '.join(TROUBLES)}."
        )
