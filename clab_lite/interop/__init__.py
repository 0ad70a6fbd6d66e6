"""Checkpoints of the original stack, in and out."""

from clab_lite.interop.mmtracking import from_mmtracking, to_mmtracking

__all__ = ["from_mmtracking", "to_mmtracking"]
