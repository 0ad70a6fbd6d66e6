"""Every reader of datasets."""

from __future__ import annotations

from trials.fuzz import dataset_files
from trials.fuzz.target import Target

TARGETS: tuple[Target, ...] = (*dataset_files.TARGETS,)
