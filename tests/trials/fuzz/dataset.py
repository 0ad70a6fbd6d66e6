"""Every reader of datasets."""

from __future__ import annotations

from trials.fuzz import dataset_files, dataset_stored, dataset_trees
from trials.fuzz.target import Target

TARGETS: tuple[Target, ...] = (*dataset_files.TARGETS, *dataset_trees.TARGETS, *dataset_stored.TARGETS)
