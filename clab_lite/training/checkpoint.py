"""Checkpoints: written whole or not at all, read without running code."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from clab_lite.errors import DataError
from clab_lite.files import replaced

CHECKPOINT = "checkpoint.pt"
"""Everything to continue: model, optimizer, iteration, settings."""
SNAPSHOT_START = "snapshot_start.pt"
"""The model before the first step."""
SNAPSHOT_CONTRAST_ZERO = "snapshot_contrast_zero.pt"
"""The model when the contrastive weight reaches zero."""


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save tensors and plain values so that `path` holds the old content or the new one, never a part."""
    with replaced(path) as beside:
        torch.save(content, beside)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load what `write_checkpoint` saved, onto the CPU. No code from the file is run (weights_only).

    Raises:
        DataError: the file is missing, truncated, or not a checkpoint.
    """
    if not path.is_file():
        raise DataError.at(path, "", "no such checkpoint", "Train first, or correct the path.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError.at(path, "", f"not a readable checkpoint ({reason})", "Use another copy.") from error
    if not isinstance(content, dict) or "model" not in content:
        raise DataError.at(path, "", "holds no entry 'model'", "Pass a file that clab_lite.train wrote.")
    return content
