"""Lesson 10: own datasets checked and opened, a video file, official checkpoints, one GPU and several."""

from clab_lite.lessons.own_data import checks, several
from clab_lite.lessons.own_data.broken import DAMAGES, check, damage
from clab_lite.lessons.own_data.clip import Sheet, classes_found, clip_of, detect_in, first_lines
from clab_lite.lessons.own_data.network import draw_network
from clab_lite.lessons.own_data.plan import DATASETS, Plan, checkpoint_megabytes, parameters
from clab_lite.lessons.own_data.plan_figures import draw_plan, explore_plan
from clab_lite.lessons.own_data.released import names_beside, same_weights, what_is
from clab_lite.lessons.own_data.smallest import field_table, first_entries, write_dataset

__all__ = [
    "DAMAGES",
    "DATASETS",
    "Plan",
    "Sheet",
    "check",
    "checkpoint_megabytes",
    "checks",
    "classes_found",
    "clip_of",
    "damage",
    "detect_in",
    "draw_network",
    "draw_plan",
    "explore_plan",
    "field_table",
    "first_entries",
    "first_lines",
    "names_beside",
    "parameters",
    "same_weights",
    "several",
    "what_is",
    "write_dataset",
]
