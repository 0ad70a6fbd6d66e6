"""Which contrast helps a detector with few labels? Detectors from scratch, from each pre-training, with CLAB's branch.

clab-lite study runs/comparison --plan methods                     makes the runs (half an hour on one quiet core)
open_comparison("data_samples/methods/comparison")                 reads the shipped ones
"""

from __future__ import annotations

from clab_lite.study.comparison.arms import ARMS, Arm
from clab_lite.study.comparison.effects import Effect, effects
from clab_lite.study.comparison.record import ArmRecord
from clab_lite.study.comparison.store import Comparison, open_comparison

__all__ = ["ARMS", "Arm", "ArmRecord", "Comparison", "Effect", "effects", "open_comparison"]
