"""Use a dataset that was opened as its users do: what a reader let through must not fail later."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clab_lite.data.check import CheckLine
from clab_lite.data.subset import Subset
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from trials.fuzz.judge import printable


def use_index(index: VideoIndex, root: Path, load: int = 0) -> None:
    """Look at every video, every frame, its objects and the place of its image; decode the first `load` images.

    AssertionError: an image lies elsewhere than below `root`, a box is no number, a name cannot be printed.
    """
    names = [*index.class_names, *(video.name for video in index.videos)]
    assert all(printable(name) and "\n" not in name for name in names), "a name"
    for video, about in enumerate(index.videos):
        for frame in range(about.frame_count):
            path = os.path.normpath(index.image_path(video, frame))
            assert path.startswith(f"{root}{os.sep}"), f"{path} is outside"
            objects = index.annotation(video, frame)
            assert np.isfinite(objects.boxes).all(), f"boxes {objects.boxes.tolist()}"
            assert (objects.labels < len(index.class_names)).all() and (objects.labels >= 0).all(), "a label"
            assert min(index.frame_size(video, frame)) > 0, "a size"
            index.troubles(video, frame)
            if load > 0:
                index.load_image(video, frame)
                load -= 1
    assert len(index.key_frames) >= 0
    Subset(every=2).select(index)


def use_lines(lines: Sequence[CheckLine]) -> None:
    """AssertionError: findings that cannot be printed."""
    assert printable("\n".join(map(str, lines)))


def use_checked(text: str, ok: bool, refused: DataError | None) -> None:
    """AssertionError: a report that cannot be printed, or that calls ready what cannot be opened."""
    assert printable(text), f"the report holds control characters: {text!r}"
    assert not (ok and refused), f"the check finds nothing, but it cannot be opened: {refused}"
