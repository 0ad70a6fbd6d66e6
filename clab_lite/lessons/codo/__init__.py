"""Lesson 13: instances on any background, wrong boxes, the probe of both, and measured runs."""

from clab_lite.lessons.codo import checks
from clab_lite.lessons.codo.desk import Desk, desk
from clab_lite.lessons.codo.explorers import (
    batch_explorer,
    measured_explorer,
    probe_explorer,
    steps_explorer,
    strip_explorer,
)
from clab_lite.lessons.codo.grids import draw_bars, draw_probe
from clab_lite.lessons.codo.live import LiveRun, searches, train_live
from clab_lite.lessons.codo.live_figures import draw_training
from clab_lite.lessons.codo.measured import COMMAND, measured_runs, pick, summary
from clab_lite.lessons.codo.measured_figures import draw_sources
from clab_lite.lessons.codo.views import jitter_curve

__all__ = [
    "COMMAND",
    "Desk",
    "LiveRun",
    "batch_explorer",
    "checks",
    "desk",
    "draw_bars",
    "draw_probe",
    "draw_sources",
    "draw_training",
    "jitter_curve",
    "measured_explorer",
    "measured_runs",
    "pick",
    "probe_explorer",
    "searches",
    "steps_explorer",
    "strip_explorer",
    "summary",
    "train_live",
]
