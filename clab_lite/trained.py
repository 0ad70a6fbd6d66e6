"""A trained detector, read back from its run folder or from an official checkpoint file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from clab_lite.config import Config
from clab_lite.data.classes import VID_CLASSES
from clab_lite.detector.fitting import built_with, require_names
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.interop import read_official
from clab_lite.tensor_file import load_tensors
from clab_lite.training.checkpoint import CHECKPOINT, read_checkpoint
from clab_lite.training.saved_config import config_from_dict
from clab_lite.weights_file import SUFFIX, read_weights

_REMEDY = "Use another copy, or a file that `clab-lite train` wrote."


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
    """Build the detector of a run folder, or of a checkpoint file.

    Args:
        run_folder: what `clab_lite.train` wrote. Or one file: a checkpoint of such a folder, weights that
            `clab-lite export` wrote (.safetensors), or a checkpoint of mmtracking's SELSA or Temporal RoI Align or of
            the official CLAB code (`clab_lite.interop`), whose `config` then holds the detector's settings and the
            defaults for all others.
        device: where the detector goes.
        file: which weights of the folder: the checkpoint, or "snapshot_start.pt" or "snapshot_contrast_zero.pt".

    Raises:
        DataError: no such folder or file, a file that is no checkpoint, or weights that do not fit the configuration
            beside them or are not finite.
    """
    path = Path(run_folder)
    if path.is_file():
        if file != CHECKPOINT:
            remedy = "Leave out which weights, or pass the run folder."
            raise DataError.at(path, "", f"is one file of weights, so there is no {file} in it", remedy)
        trained = _of_file(path)
    elif path.is_dir():
        trained = _of_checkpoint(path / file)
    else:
        remedy = "Pass the folder that `clab-lite train` wrote, or an official checkpoint file."
        raise DataError.at(path, "", "no such run folder", remedy)
    return replace(trained, detector=trained.detector.to(device).eval())


def _of_checkpoint(path: Path) -> Trained:
    content = read_checkpoint(path)
    config = config_from_dict(content["config"], path)
    # The weights come from the file: ImageNet's are not fetched first.
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    plan = replace(config.detector, backbone=backbone)
    names = require_names(content["class_names"], plan.num_classes, path, _REMEDY)
    detector = built_with(plan, content["model"], path, "weights do not fit the configuration beside them", _REMEDY)
    return Trained(detector, config, names, content["iteration"])


def _of_file(path: Path) -> Trained:
    if path.suffix == SUFFIX:
        return Trained(*read_weights(path))
    content = load_tensors(path)
    if isinstance(content, dict) and {"model", "config"} <= content.keys():
        return _of_checkpoint(path)
    official = read_official(path)
    config = Config(name=path.stem, detector=official.detector.config)
    count = config.detector.num_classes
    # Official files may leave the names out; 30 classes are ImageNet VID's, in its one order.
    unnamed = VID_CLASSES if count == len(VID_CLASSES) else tuple(f"class {label}" for label in range(count))
    return Trained(official.detector, config, official.class_names or unnamed, official.iteration)
