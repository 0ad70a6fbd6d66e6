"""Embeddings at the moments of training whose weights were kept: before, when the contrast faded out, at the end."""

from __future__ import annotations

from pathlib import Path

import torch

from clab_lite.data.vid import VideoIndex
from clab_lite.embeddings import EmbeddingTable, embed_levels
from clab_lite.report_data import MapComparison, compare_maps
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START

_MOMENTS = {
    "before training": SNAPSHOT_START,
    "contrast off": SNAPSHOT_CONTRAST_ZERO,
    "at the end": CHECKPOINT,
}
FRAME_STEP = 2
"""Every second frame is embedded: neighbouring frames are nearly the same picture. `clab-lite embed` does the same."""
_SAMPLING = "every second frame is taken, as clab-lite embed does"


def embedding_maps(folder: Path, index: VideoIndex, device: torch.device) -> list[MapComparison]:
    """Maps of a run: objects by class and frames by video, one panel per moment.

    Args:
        folder: the run folder.
        index: the videos to embed; every second frame is taken.
        device: where to compute.
    """
    objects: dict[str, EmbeddingTable] = {}
    frames: dict[str, EmbeddingTable] = {}
    for moment, file in _MOMENTS.items():
        if (folder / file).exists():  # a weight that never reaches zero leaves no snapshot
            trained = load_run(folder, device, file)
            name = f"{moment} (iteration {trained.iteration})" if trained.iteration else moment
            tables = embed_levels(
                trained.detector, index, ("object", "frame"), frame_step=FRAME_STEP, title=f"embed, {moment}"
            )
            objects[name], frames[name] = tables["object"], tables["frame"]
    return [
        compare_maps("Objects", f"one object in one frame (C4 features inside its box); {_SAMPLING}", objects),
        compare_maps("Frames", f"one frame (C4 features, averaged); {_SAMPLING}", frames, by="video"),
    ]
