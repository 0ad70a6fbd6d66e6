"""The videos of the shipped study: the bundled ones, and held-out ones that nothing was chosen on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clab_lite.data.vid import open_dataset
from clab_lite.data.world.write import load_config, make_world
from clab_lite.study.run import Videos

JUDGED_VIDEOS = 128
"""Held-out videos of the report. They continue the bundled ones: same seed, higher numbers."""
EMBEDDED_VIDEOS = 32


def study_videos(samples: Path, folder: Path, plan: str) -> Videos:
    """Open the bundled videos, and draw what is missing.

    Args:
        samples: data_samples.
        folder: where more held-out videos are drawn, 15 s; those that are there are used again.
        plan: settings are chosen ("search") on the bundled held-out videos, and reported (every other plan) on
            others that were never looked at for a choice.
    """
    learn, held_out = open_dataset(samples, split="train"), open_dataset(samples, split="val")
    embedded = held_out.select(range(min(EMBEDDED_VIDEOS, len(held_out))))
    if plan == "search":
        return Videos(learn, embedded, held_out, f"{len(held_out)} bundled held-out videos")
    first = load_config(samples)
    config = replace(first, train_videos=1, val_videos=first.val_videos + JUDGED_VIDEOS)
    if not (folder / "world.json").exists() or load_config(folder) != config:
        make_world(folder, config, overwrite=True, progress=False)
    more = open_dataset(folder, split="val")
    judged = more.select(range(first.val_videos, len(more)))
    return Videos(learn, embedded, judged, f"{len(judged)} held-out videos that nothing was chosen on")
