"""A trained detector's boxes as crops for ranked contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.dataset_detections import detect_dataset
from clab_lite.errors import DataError
from clab_lite.methods.ranked import RankedConfig
from clab_lite.methods.ranked.crops import Detected
from clab_lite.trained import load_run


def detected_boxes(
    detector: Any, index: VideoIndex, lowest_score: float, device: str | torch.device | None = None
) -> Detected:
    """What a detector finds in each frame, boxes of at least that score.

    A video is detected whole when one of its frames is first asked for (its references are spread over it), and then
    kept.
    """
    kept: dict[int, dict[int, NDArray[np.float32]]] = {}

    def found(video: int, frame: int) -> NDArray[np.float32]:
        if video not in kept:
            results = detect_dataset(detector, index.select([video]), device=device, progress=False)
            kept[video] = {result.frame: result.boxes[result.scores >= lowest_score] for result in results}
        return kept[video].get(frame, np.zeros((0, 4), np.float32))

    return found


def boxes_for(config: RankedConfig, index: VideoIndex, device: str | torch.device | None = None) -> Detected | None:
    """The boxes that a configuration asks for: those of its detector, or None for the annotated ones.

    Raises:
        DataError: crop_source is "detector" without a detector, or its run cannot be loaded or has other classes.
    """
    if config.crop_source == "gt":
        return None
    if config.detector is None:
        raise DataError(
            "RankedConfig.crop_source is 'detector', but detector is None. Name the run folder that `clab-lite train` "
            "wrote, or use crop_source 'gt'."
        )
    trained = load_run(Path(config.detector))
    if trained.class_names != index.class_names:
        raise DataError.at(
            config.detector, "", "the detector has other classes than the dataset", "Use one that was trained on it."
        )
    return detected_boxes(trained.detector, index, config.detector_score, device)
