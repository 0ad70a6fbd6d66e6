"""All targets, in the order of the table."""

from __future__ import annotations

from trials.fuzz import dataset, records, videos, weights
from trials.fuzz.target import Target

TARGETS: tuple[Target, ...] = (*dataset.TARGETS, *weights.TARGETS, *records.TARGETS, *videos.TARGETS)
