"""A trained detector, read back from its run folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from clab_lite.config import Config
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.training.checkpoint import CHECKPOINT, read_checkpoint
from clab_lite.training.saved_config import config_from_dict


@dataclass(frozen=True)
class Trained:
    """A detector in eval mode with what belongs to it."""

    detector: VideoDetector
    config: Config
    class_names: tuple[str, ...]
    """Label k is class_names[k]."""
    iteration: int
    """Training steps that made these weights."""


def load_run(run_folder: str | Path, device: torch.device | str = "cpu", file: str = CHECKPOINT) -> Trained:
    """Build the detector of a run folder.

    Args:
        run_folder: what `clab_lite.train` wrote.
        device: where the detector goes.
        file: which weights: the checkpoint, or "snapshot_start.pt" or "snapshot_contrast_zero.pt".

    Raises:
        DataError: no such folder or file, a file that is no checkpoint, or weights that do not fit the configuration
            beside them or are not finite.
    """
    path = Path(run_folder) / file
    if not path.parent.is_dir():
        raise DataError.at(path.parent, "", "no such run folder", "Pass the folder that `clab-lite train` wrote.")
    content = read_checkpoint(path)
    config = config_from_dict(content["config"], path)
    # The weights come from the file: ImageNet's are not fetched first.
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    detector = VideoDetector(replace(config.detector, backbone=backbone))
    try:
        detector.load_state_dict(content["model"])
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError.at(path, "", f"weights do not fit the configuration ({reason})", "Train again.") from error
    return Trained(detector.to(device).eval(), config, tuple(content["class_names"]), content["iteration"])
