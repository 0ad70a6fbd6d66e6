"""Lesson 12: windows in two views and on two stages, the five losses of CrossCL, and what the cross terms teach."""

from clab_lite.lessons.crosscl import checks
from clab_lite.lessons.crosscl.curves import draw_losses, draw_similarity
from clab_lite.lessons.crosscl.live import Live, train_live
from clab_lite.lessons.crosscl.matching import match_explorer
from clab_lite.lessons.crosscl.measured import COMMAND, draw_measured, measured_runs, summary
from clab_lite.lessons.crosscl.pairs import pair_explorer, valid_shares
from clab_lite.lessons.crosscl.pooling import exact_mean, pooling_explorer

__all__ = [
    "COMMAND",
    "Live",
    "checks",
    "draw_losses",
    "draw_measured",
    "draw_similarity",
    "exact_mean",
    "match_explorer",
    "measured_runs",
    "pair_explorer",
    "pooling_explorer",
    "summary",
    "train_live",
    "valid_shares",
]
