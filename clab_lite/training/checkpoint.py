"""Checkpoints: written whole or not at all, read without running code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.files import replaced
from clab_lite.tensor_file import load_tensors

CHECKPOINT = "checkpoint.pt"
"""Everything to continue: model, optimizer, iteration, settings."""
SNAPSHOT_START = "snapshot_start.pt"
"""The model before the first step."""
SNAPSHOT_CONTRAST_ZERO = "snapshot_contrast_zero.pt"
"""The model when the contrastive weight reaches zero."""

FORMAT = 1
"""Version of what these files hold; raised when an older clab-lite could not read a new file."""
_SNAPSHOT = {"model": dict, "config": dict, "class_names": list, "iteration": int}
_TO_CONTINUE = {"optimizer": dict, "seconds": float, "compute": dict, "recent": Tensor, "dataset": dict}
_PRETRAINING = {"method": str, "model": dict, "config": dict, "iteration": int, "terms": list, **_TO_CONTINUE}
_REMEDY = "Use another copy, or a file that `clab-lite train` wrote."


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save tensors and plain values so that `path` holds the old content or the new one, never a part.

    Raises:
        DataError: the file cannot be written; what was at `path` is still there.
    """
    try:
        with replaced(path) as beside, beside.open("wb") as file:  # given a path, torch would hide the system's reason
            torch.save({KEY: FORMAT, **content}, file)
    except (OSError, RuntimeError) as error:  # RuntimeError: torch closing the file after the system's error
        cause = error if isinstance(error, OSError) else error.__context__
        reason = getattr(cause, "strerror", None) or str(error)
        kept = f"; the checkpoint of step {_step(path)} is kept" if path.exists() else ""
        remedy = "Make room or correct the permissions, then continue with --resume."
        raise DataError.at(path, "", f"could not be written ({reason}){kept}", remedy) from error


def read_checkpoint(path: Path, *, to_continue: bool = False) -> dict[str, Any]:
    """Load what `write_checkpoint` saved, onto the CPU. No code from the file is run (weights_only).

    Args:
        path: a checkpoint or a snapshot of a run.
        to_continue: also ask for what a training needs to go on, which a snapshot does not hold.

    Raises:
        DataError: the file is missing, truncated, not a checkpoint, or of a newer clab-lite.
    """
    content = _opened(path)
    method = content.get("method")
    if isinstance(method, str):
        remedy = "Train a detector from its backbone: clab-lite train DATASET --init FOLDER/backbone.safetensors."
        raise DataError.at(path, "", f"is of a pre-training ({method}), which makes a backbone, no detector", remedy)
    return _required(path, content, {**_SNAPSHOT, **_TO_CONTINUE} if to_continue else _SNAPSHOT)


def read_pretraining(path: Path) -> dict[str, Any]:
    """The same for the checkpoint of a pre-training (`clab_lite.pretraining`), with all that it needs to go on.

    Raises:
        DataError: as in `read_checkpoint`, or it is the checkpoint of a detector's training.
    """
    content = _opened(path)
    if "class_names" in content:
        remedy = "Continue it with `clab-lite train --resume`, or name another folder."
        raise DataError.at(path, "", "is of the training of a detector, not of a pre-training", remedy)
    return _required(path, content, _PRETRAINING)


def _opened(path: Path) -> dict[Any, Any]:
    if not path.is_file():
        raise DataError.at(path, "", "no such checkpoint", "Train first, or correct the path.")
    content = load_tensors(path)
    if not isinstance(content, dict):
        raise DataError.at(path, "", f"holds a {type(content).__name__}, not the entries of a checkpoint", _REMEDY)
    require_format(content.get(KEY), FORMAT, path)
    return content


def _required(path: Path, content: dict[Any, Any], entries: Mapping[str, type]) -> dict[str, Any]:
    """Raise DataError unless all entries are there, of their kinds, and the weights are finite."""
    for name, kind in entries.items():
        if name not in content:
            raise DataError.at(path, "", f"holds no entry {name!r}", _REMEDY)
        if not isinstance(content[name], kind):
            problem = f"is a {type(content[name]).__name__}, not a {kind.__name__}"
            raise DataError.at(path, f"entry {name!r}", problem, _REMEDY)
    _check_weights(path, content["model"])
    return content


def _check_weights(path: Path, model: dict[Any, Any]) -> None:
    """A detector with a NaN in it finds nothing and says nothing: refuse it here."""
    for name, value in model.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DataError.at(path, "entry 'model'", f"holds {name!r}, which is no named tensor", _REMEDY)
        if value.is_floating_point() and not value.isfinite().all():
            remedy = "The training diverged: use an earlier checkpoint, or train again with a lower learning rate."
            raise DataError.at(path, "entry 'model'", f"{name!r} holds values that are not finite", remedy)


def _step(path: Path) -> int | str:
    try:
        return int(load_tensors(path)["iteration"])
    except (DataError, KeyError, TypeError, ValueError):
        return "unknown"
