"""A small mp4 from sample frames, and what `clab-lite detect` makes of a video file."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from clab_lite.data.vid import VideoIndex
from clab_lite.detect import Detected, detect
from clab_lite.errors import DataError
from clab_lite.media.drawing import as_picture
from clab_lite.media.open_source import open_source
from clab_lite.media.pyav import import_av
from clab_lite.media.results import SHEET
from clab_lite.media.video_writer import VideoWriter
from clab_lite.trained import Trained


def has_video() -> str:
    """ "" when video files can be read and written, else what to install."""
    try:
        import_av()
    except DataError as error:
        return str(error)
    return ""


def write_mp4(index: VideoIndex, video: int, path: Path, rate: int = 8, enlarge: int = 2) -> Path:
    """Write one video of an index as mp4: `rate` frames per second, each side `enlarge` times as long.

    Raises:
        DataError: PyAV is missing (the message has the line that installs it).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = VideoWriter(path, Fraction(rate), Fraction(1, 1000))
    for frame in range(index.videos[video].frame_count):
        picture = as_picture(index.load_image(video, frame))
        size = (picture.width * enlarge, picture.height * enlarge)
        writer.write(picture.resize(size, Image.Resampling.BICUBIC), frame / rate)
    writer.close()
    return path


def clip_of(index: VideoIndex, video: int, folder: Path) -> Path:
    """An mp4 of one video; without PyAV the folder of its frames, after saying so: `detect` takes both."""
    missing = has_video()
    if missing:
        print(missing)
        return index.image_path(video, 0).parent
    return write_mp4(index, video, folder / "clip.mp4")


def detect_in(trained: Trained, clip: Path, out: Path, references: str = "adaptive", score: float = 0.3) -> Detected:
    """What `clab-lite detect RUN CLIP --references ... --score ... --out OUT` does, without its progress bar."""
    with contextlib.redirect_stderr(io.StringIO()):
        return detect(trained, open_source([clip]), out, references=references, draw_from=score)  # type: ignore[arg-type]


class Sheet:
    """The contact sheet of a folder of results; shows itself, small enough for a notebook."""

    def __init__(self, folder: Path, width: int = 1100) -> None:
        """`width`: in pixels, at most."""
        picture = Image.open(folder / SHEET)
        picture.thumbnail((width, 4 * width))
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=85)
        self.jpeg, self.text = content.getvalue(), f"{picture.width} x {picture.height} pixels of {folder / SHEET}"

    def __repr__(self) -> str:
        return self.text

    def _repr_jpeg_(self) -> bytes:
        return self.jpeg


def first_lines(folder: Path, count: int = 3, keep: int = 2) -> pd.DataFrame:
    """The first frames of detections.jsonl, with the best `keep` detections of each."""
    lines = (folder / "detections.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return pd.DataFrame([
        {
            "frame": row["frame"],
            "seconds": row["seconds"],
            "boxes": [[round(value) for value in box] for box in row["boxes"][:keep]],
            "scores": [round(score, 2) for score in row["scores"][:keep]],
            "labels": row["labels"][:keep],
        }
        for row in rows
    ])  # fmt: skip


def classes_found(folder: Path, index: VideoIndex, video: int, score: float = 0.3) -> pd.DataFrame:
    """Per class: in how many frames a box of `score` or more was found, and in how many the video shows it.

    Args:
        folder: where `detect_in` wrote, for a clip of this video.
        index, video: where the clip is from, with its true objects.

    Returns:
        One row per class that is found or shown, by name.
    """
    content = (folder / "detections.jsonl").read_text(encoding="utf-8")
    found, shown = Counter[int](), Counter[int]()
    for line in map(json.loads, content.splitlines()):
        found.update({label for label, value in zip(line["labels"], line["scores"], strict=True) if value >= score})
        shown.update(set(index.annotation(video, line["frame"]).labels.tolist()))
    rows = [(index.class_names[label], found[label], shown[label]) for label in sorted(found | shown)]
    return pd.DataFrame(rows, columns=["class", "frames with a box", "frames that show it"])
