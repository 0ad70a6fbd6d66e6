"""Whether two datasets are the same, and whether a detector can learn one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from clab_lite.data.vid import VideoIndex
from clab_lite.distributed import world_size
from clab_lite.errors import DataError


def describe(index: VideoIndex) -> dict[str, Any]:
    """What a checkpoint keeps of its data: counts for people; a digest of video names, key frames and class names.

    And the processes that share it: their number decides which clips meet in a step.
    """
    digest = hashlib.sha256(json.dumps([list(index.table.names), list(index.class_names)]).encode())
    digest.update(index.key_frames.astype("<i8").tobytes())
    return {
        "videos": len(index),
        "key_frames": len(index.key_frames),
        "classes": len(index.class_names),
        "digest": digest.hexdigest()[:16],
        "processes": world_size(),
    }


def require_classes(index: VideoIndex, num_classes: int) -> None:
    """Raise DataError when the dataset has labels that the detector has no output for."""
    found = len(index.class_names)
    if found > num_classes:
        raise DataError(
            f"the dataset has {found} classes, the detector's num_classes is {num_classes}. "
            f"Set --detector.num-classes {found}."
        )
