"""Lesson 11: ranks on a circle, a ranking to edit, measured ladders, unknown crops, and what the released code does."""

from clab_lite.lessons.contrast.terms import on_circle
from clab_lite.lessons.ranked import checks
from clab_lite.lessons.ranked.board import RankingBoard, ranking_board
from clab_lite.lessons.ranked.circle import circle_explorer
from clab_lite.lessons.ranked.crop_sheet import draw_crops, far_crops, known_crops
from clab_lite.lessons.ranked.free import climb
from clab_lite.lessons.ranked.measured import both_scores, draw_ladders, draw_landing, draw_roc, records, results
from clab_lite.lessons.ranked.quirks import draw_hard_positive, released_pulls
from clab_lite.lessons.ranked.toy import draw_toy_scores, draw_toys, train_toy

__all__ = [
    "RankingBoard",
    "both_scores",
    "checks",
    "circle_explorer",
    "climb",
    "draw_crops",
    "draw_hard_positive",
    "draw_ladders",
    "draw_landing",
    "draw_roc",
    "draw_toy_scores",
    "draw_toys",
    "far_crops",
    "known_crops",
    "on_circle",
    "ranking_board",
    "records",
    "released_pulls",
    "results",
    "train_toy",
]
