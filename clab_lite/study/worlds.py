"""The videos of the shipped study: the bundled ones, and held-out ones that nothing was chosen on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from clab_lite.data.vid import open_dataset
from clab_lite.data.world.write import WORLD_FILE, load_config, make_world
from clab_lite.study.run import Videos
from clab_lite.training.folder_lock import FolderInUse, hold

JUDGED_VIDEOS = 128
"""Held-out videos of the report. They continue the bundled ones: same seed, higher numbers."""
EMBEDDED_VIDEOS = 32
PATIENCE = 120.0
"""Seconds to wait for another process that draws videos or writes the study's files: either takes less."""


def study_videos(samples: Path, folder: Path, plan: str) -> Videos:
    """Open the bundled videos, and draw what is missing.

    Args:
        samples: data_samples.
        folder: where more held-out videos are drawn, 15 s; those that are there are used again.
        plan: settings are chosen ("search") on the bundled held-out videos, and reported (every other plan) on
            others that were never looked at for a choice.

    One process draws at a time; the others wait for it and use what it drew.

    Raises:
        DataError: bad data, `folder` holds other files, or the folder around it stays in use.
    """
    learn, held_out = open_dataset(samples, split="train"), open_dataset(samples, split="val")
    embedded = held_out.select(range(min(EMBEDDED_VIDEOS, len(held_out))))
    if plan == "search":
        return Videos(learn, embedded, held_out, f"{len(held_out)} bundled held-out videos")
    first = load_config(samples)
    config = replace(first, train_videos=1, val_videos=first.val_videos + JUDGED_VIDEOS)
    with patiently_held(folder.parent):
        if not (folder / WORLD_FILE).exists() or load_config(folder) != config:
            make_world(folder, config, overwrite=True, progress=False)
    more = open_dataset(folder, split="val")
    judged = more.select(range(first.val_videos, len(more)))
    return Videos(learn, embedded, judged, f"{len(judged)} held-out videos that nothing was chosen on")


@contextmanager
def patiently_held(folder: Path) -> Iterator[None]:
    """`hold`, after waiting up to PATIENCE seconds for whoever has the folder. FolderInUse: they still have it."""
    until = time.monotonic() + PATIENCE
    while True:
        block = hold(folder)
        try:
            block.__enter__()
            break
        except FolderInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    try:
        yield
    finally:
        block.__exit__(None, None, None)
