"""Real runs of the `lesson` preset, measured while they train: what the lessons show instead of invented curves.

clab-lite study runs/study        makes them (hours on two cores; may be stopped between runs)
open_study("data_samples/study")  reads the shipped ones
"""

from __future__ import annotations

from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting
from clab_lite.study.store import Study, open_study

__all__ = ["Moment", "Record", "Setting", "Study", "open_study"]
