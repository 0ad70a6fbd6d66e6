"""Checkpoints of the original stack, in and out."""

from clab_lite.interop.architecture import detector_config
from clab_lite.interop.backbone_names import from_style, read_style, save_style, to_style
from clab_lite.interop.checkpoint import load_detector, read_official, save_mmtracking
from clab_lite.interop.mmtracking import from_mmtracking, to_mmtracking

__all__ = [
    "detector_config",
    "from_mmtracking",
    "from_style",
    "load_detector",
    "read_official",
    "read_style",
    "save_mmtracking",
    "save_style",
    "to_mmtracking",
    "to_style",
]
