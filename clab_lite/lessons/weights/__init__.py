"""Lesson 06, the weight of the contrastive loss: what was measured, and a small training to steer by hand."""

from clab_lite.lessons.weights import checks as check
from clab_lite.lessons.weights.explorer import weight_explorer
from clab_lite.lessons.weights.live import LiveSetting, train_live
from clab_lite.lessons.weights.live_board import LiveBoard
from clab_lite.lessons.weights.live_view import compare_figure
from clab_lite.lessons.weights.norms import first_lengths, lengths_figure
from clab_lite.lessons.weights.overview import against_start, final_ap, final_score, table
from clab_lite.lessons.weights.resume import resumed_figure
from clab_lite.lessons.weights.schedules import compare_shapes
from clab_lite.lessons.weights.shares import weight_for_share
from clab_lite.lessons.weights.workbench import Workbench, workbench
from clab_lite.study.gradients import share

__all__ = [
    "LiveBoard",
    "LiveSetting",
    "Workbench",
    "against_start",
    "check",
    "compare_figure",
    "compare_shapes",
    "final_ap",
    "final_score",
    "first_lengths",
    "lengths_figure",
    "resumed_figure",
    "share",
    "table",
    "train_live",
    "weight_explorer",
    "weight_for_share",
    "workbench",
]
