"""Lesson 07: two trainings on a live board, stopped and resumed, with what measured runs let one expect."""

from clab_lite.lessons.training import checks as check
from clab_lite.lessons.training.band import Band, expected_band
from clab_lite.lessons.training.board import Board
from clab_lite.lessons.training.figures import ap_gap, draw_board, draw_two
from clab_lite.lessons.training.plan import run_config, shortened
from clab_lite.lessons.training.row import draw_row
from clab_lite.lessons.training.sameness import Sameness, checkpoint_step, compare_runs, steps_of

__all__ = [
    "Band",
    "Board",
    "Sameness",
    "ap_gap",
    "check",
    "checkpoint_step",
    "compare_runs",
    "draw_board",
    "draw_row",
    "draw_two",
    "expected_band",
    "run_config",
    "shortened",
    "steps_of",
]
