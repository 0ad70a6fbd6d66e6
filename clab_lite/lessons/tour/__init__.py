"""Lesson 00, the whole game once: detect in videos, judge every box, count, score."""

from clab_lite.lessons.tour import checks
from clab_lite.lessons.tour.figures import ap_table, draw_area, draw_frame, draw_threshold
from clab_lite.lessons.tour.judged import JudgedVideos, detect

__all__ = ["JudgedVideos", "ap_table", "checks", "detect", "draw_area", "draw_frame", "draw_threshold"]
