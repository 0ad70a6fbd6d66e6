"""Lesson 04: NT-Xent on three vectors, on a circle, over temperatures, and over GPUs."""

from clab_lite.lessons.contrast import checks
from clab_lite.lessons.contrast.counting import Batch
from clab_lite.lessons.contrast.explorers import (
    angle_explorer,
    batch_explorer,
    branch_explorer,
    flow_explorer,
    flow_player,
    reading_explorer,
    temperature_explorer,
)
from clab_lite.lessons.contrast.flow import move_points
from clab_lite.lessons.contrast.terms import nt_xent, on_circle, pairs_of
from clab_lite.lessons.contrast.variants import cases, compare_losses, draw_half_precision

__all__ = [
    "Batch",
    "angle_explorer",
    "batch_explorer",
    "branch_explorer",
    "cases",
    "checks",
    "compare_losses",
    "draw_half_precision",
    "flow_explorer",
    "flow_player",
    "move_points",
    "nt_xent",
    "on_circle",
    "pairs_of",
    "reading_explorer",
    "temperature_explorer",
]
