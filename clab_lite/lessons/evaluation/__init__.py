"""Lesson 09: average precision by hand, scores on parts of a dataset with intervals, and whether a gain is real."""

from clab_lite.lessons.evaluation import checks
from clab_lite.lessons.evaluation.effects import (
    conclusion,
    in_words,
    paired_runs,
    table_of_effects,
    unpaired,
)
from clab_lite.lessons.evaluation.effects_figures import draw_effects, draw_search, draw_seeds, explore_effects
from clab_lite.lessons.evaluation.five_boxes import (
    at_101_recalls,
    every_change,
    five_boxes,
    library_aps,
    precision_and_recall,
    rank_and_match,
)
from clab_lite.lessons.evaluation.five_boxes_figures import draw_frame, draw_steps, explore_boxes
from clab_lite.lessons.evaluation.published import beside_published
from clab_lite.lessons.evaluation.report_figures import (
    GROUPS,
    PROTOCOLS,
    draw_comparison,
    draw_report,
    explore_report,
    protocol_table,
)
from clab_lite.lessons.evaluation.videos import found_in_videos, likeness, percentiles, worth
from clab_lite.lessons.evaluation.videos_figures import draw_alike, draw_draws

__all__ = [
    "GROUPS",
    "PROTOCOLS",
    "at_101_recalls",
    "beside_published",
    "checks",
    "conclusion",
    "draw_alike",
    "draw_comparison",
    "draw_draws",
    "draw_effects",
    "draw_frame",
    "draw_report",
    "draw_search",
    "draw_seeds",
    "draw_steps",
    "every_change",
    "explore_boxes",
    "explore_effects",
    "explore_report",
    "five_boxes",
    "found_in_videos",
    "in_words",
    "library_aps",
    "likeness",
    "paired_runs",
    "percentiles",
    "precision_and_recall",
    "protocol_table",
    "rank_and_match",
    "table_of_effects",
    "unpaired",
    "worth",
]
