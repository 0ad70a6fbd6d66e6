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
    "contrast weight at zero": SNAPSHOT_CONTRAST_ZERO,
    "at the end": CHECKPOINT,
}


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
            tables = embed_levels(trained.detector, index, ("object", "frame"), frame_step=2)
            objects[moment], frames[moment] = tables["object"], tables["frame"]
    return [
        compare_maps("Objects", "one object in one frame (C4 features inside its box)", objects, by="class_name"),
        compare_maps("Frames", "one frame (C4 features, averaged)", frames, by="video"),
    ]
