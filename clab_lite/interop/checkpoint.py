"""Whole detectors from official checkpoint files, and back into such files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clab_lite.config import Config
from clab_lite.detector.fitting import built_with, expected_weights
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.files import replaced
from clab_lite.interop.architecture import OUR_SETTINGS, config_of
from clab_lite.interop.mmtracking import to_mmtracking, to_ours
from clab_lite.interop.official_file import REMEDY, OfficialFile, foreign_keys, open_official
from clab_lite.training.saved_config import config_to_dict


@dataclass(frozen=True)
class Official:
    """A detector read from an official checkpoint, with what the file says about it."""

    detector: VideoDetector
    """On the CPU, in eval mode."""
    class_names: tuple[str, ...]
    """Label k is class_names[k]; empty when the file does not name them."""
    iteration: int
    """Training steps that made these weights; 0 when the file does not say."""


def read_official(checkpoint: str | Path | Mapping[str, Any]) -> Official:
    """Build the detector of an mmtracking SELSA or Temporal RoI Align checkpoint, or of an official CLAB one.

    Args:
        checkpoint: a file, or what it holds: {"state_dict": ..., "meta": ...} or the plain official state dict.

    Raises:
        DataError: not a safe file of tensors, another model (with the first foreign and the first missing key),
            weights of a wrong shape or that are not finite, or class names that are not as many as the classes.
    """
    opened = open_official(checkpoint)
    config = config_of(opened)
    expected = expected_weights(config, opened.place, REMEDY)
    _check_against(opened, expected)
    uncounted = {name: torch.zeros_like(value, device="cpu") for name, value in expected.items() if _counts(name)}
    detector = built_with(config, {**uncounted, **to_ours(opened)}, opened.place, "weights do not fit", REMEDY)
    names = _class_names(opened, detector.config.num_classes)
    iteration = opened.meta.get("iter")
    return Official(detector.eval(), names, iteration if isinstance(iteration, int) else 0)


def load_detector(path: str | Path) -> VideoDetector:
    """The detector of an official checkpoint file, on the CPU, in eval mode. See `read_official`."""
    return read_official(path).detector


def save_mmtracking(
    path: str | Path, detector: VideoDetector, class_names: Sequence[str] = (), iteration: int = 0
) -> Path:
    """Write a detector as the official code would: {"state_dict", "meta"}, official names in the official order.

    The tensors are the detector's own, bit by bit. `meta` holds CLASSES and iter as mmtracking's does, and our
    configuration, from which `load_detector` builds the same detector again.

    Args:
        path: the file; one that is there is replaced when the new one is whole.
        detector: any `VideoDetector`.
        class_names: label k is class_names[k].
        iteration: training steps that made the weights.

    Raises:
        DataError: class names that are not as many as the classes, or the file cannot be written.
    """
    path, classes = Path(path), detector.config.num_classes
    if class_names and len(class_names) != classes:
        raise DataError(f"{len(class_names)} class names for {classes} classes. Give one for each, or none.")
    settings = config_to_dict(Config(detector=detector.config))["detector"]
    meta: dict[str, Any] = {"iter": iteration, OUR_SETTINGS: settings}
    if class_names:
        meta["CLASSES"] = tuple(class_names)
    state = {name: value.detach().cpu() for name, value in to_mmtracking(detector.state_dict()).items()}
    try:
        with replaced(path) as beside, beside.open("wb") as file:
            torch.save({"meta": meta, "state_dict": state}, file)
    except (OSError, RuntimeError) as error:  # RuntimeError: torch closing the file after the system's error
        cause = error if isinstance(error, OSError) else error.__context__
        reason = getattr(cause, "strerror", None) or str(error)
        remedy = "Make room, correct the permissions, or name another file."
        raise DataError.at(path, "", f"could not be written ({reason})", remedy) from error
    return path


def _check_against(opened: OfficialFile, ours: Mapping[str, Tensor]) -> None:
    """Every key of the detector, none more, each of its shape, and finite."""
    expected = to_mmtracking(ours)
    foreign = [name for name in opened.state if name not in expected]
    missing = [name for name in expected if name not in opened.state and not _counts(name)]
    if foreign or missing:
        raise foreign_keys(opened.place, foreign, missing, opened.state)
    for name, value in opened.state.items():
        if value.shape != expected[name].shape:
            problem = f"has shape {tuple(value.shape)}, the other weights ask for {tuple(expected[name].shape)}"
            raise DataError.at(opened.place, name, problem, REMEDY)
        if value.is_floating_point() and not value.isfinite().all():
            raise DataError.at(opened.place, name, "holds values that are not finite", "Use another copy.")


def _counts(name: str) -> bool:
    """Whether it is a count of batches, which old PyTorch did not keep and a fixed BatchNorm does not read."""
    return name.endswith("num_batches_tracked")


def _is_empty(value: object) -> bool:
    return isinstance(value, str | list | tuple | dict) and not value


def _class_names(opened: OfficialFile, count: int) -> tuple[str, ...]:
    """mmcv writes them as CLASSES, mmengine inside dataset_meta."""
    newer = opened.meta.get("dataset_meta")
    newer = newer if isinstance(newer, Mapping) else {}
    found = (opened.meta.get("CLASSES"), newer.get("classes"), newer.get("CLASSES"))
    # A damaged file may hold an array here, which is neither true nor false.
    names: Any = next((names for names in found if names is not None and not _is_empty(names)), ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise DataError.at(opened.place, "meta, CLASSES", f"{names!r} are no names", "Correct or remove the entry.")
    if names and len(names) != count:
        problem = f"{len(names)} names for {count} classes of the weights"
        raise DataError.at(opened.place, "meta, CLASSES", problem, "Correct or remove the entry.")
    return tuple(names)
