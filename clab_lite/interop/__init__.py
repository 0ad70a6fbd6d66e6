"""Checkpoints of the original stack, in and out."""

from clab_lite.interop.architecture import detector_config
from clab_lite.interop.checkpoint import load_detector, read_official, save_mmtracking
from clab_lite.interop.mmtracking import from_mmtracking, to_mmtracking

__all__ = [
    "detector_config",
    "from_mmtracking",
    "load_detector",
    "read_official",
    "save_mmtracking",
    "to_mmtracking",
]
