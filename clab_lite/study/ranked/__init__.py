"""Measured runs of ranked contrast: ranks and variants against the SoftMax baseline, over seeds.

clab-lite ranked-sweep runs/ranked             makes them (two minutes each on a CPU core; may be stopped between runs)
read_records("data_samples/methods/ranked")    reads the shipped ones
"""

from __future__ import annotations

from clab_lite.study.ranked.record import TrialRecord, read_records
from clab_lite.study.ranked.trial import Trial, planned, run_trial

__all__ = ["Trial", "TrialRecord", "planned", "read_records", "run_trial"]
