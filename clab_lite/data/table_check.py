"""Whether a table that comes from a file can be used: files travel with datasets, and datasets come from strangers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clab_lite.data.source_file import leaves_folder
from clab_lite.data.table import CROWD, GENERATED, OCCLUDED, TRAINABLE, IndexTable
from clab_lite.errors import is_plain

_COLUMNS = {
    "is_still": (np.bool_, 1), "sizes": (np.int32, 2), "frame_sizes": (np.int32, 2), "frame_starts": (np.int64, 1),
    "frame_counts": (np.int64, 1), "box_offsets": (np.int64, 1), "boxes": (np.float32, 2), "labels": (np.int16, 1),
    "track_ids": (np.int64, 1), "flags": (np.uint8, 1), "listed_key_frames": (np.int64, 2),
    "unannotated": (np.int64, 1), "given_areas": (np.float64, 1),
}  # fmt: skip
"""Type and number of axes of each array."""


def is_sound(table: IndexTable) -> bool:
    """Whether it is one that `assemble` could have made: types, lengths, ranges, and names below the image folder."""
    typed = all(
        getattr(table, name).dtype == kind and getattr(table, name).ndim == axes
        for name, (kind, axes) in _COLUMNS.items()
    )
    return typed and _frames_fit(table) and _boxes_fit(table) and _names_fit(table)


def _frames_fit(table: IndexTable) -> bool:
    counts, sizes, rows = table.frame_counts, table.frame_sizes, table.unannotated
    if not len(counts) == len(table.is_still) == len(table.frame_starts) == len(table.sizes) == len(table.names):
        return False
    if not ((counts >= 1).all() and (counts <= len(sizes)).all() and counts.sum() == len(sizes)):
        return False
    if not (np.array_equal(table.frame_starts, np.cumsum(counts) - counts) and sizes.shape[1] == 2):
        return False
    keys = table.listed_key_frames
    if not (keys.shape[1] == 2 and _within(keys[:, 0], len(counts)) and _within(rows, len(sizes))):
        return False
    frames_fit = (keys[:, 1] >= 0).all() and (keys[:, 1] < counts[keys[:, 0]]).all()
    return bool(frames_fit and (sizes >= 1).all() and np.array_equal(table.sizes, sizes[table.frame_starts]))


def _boxes_fit(table: IndexTable) -> bool:
    offsets, count = table.box_offsets, len(table.boxes)
    if not (len(offsets) == len(table.frame_sizes) + 1 and offsets[0] == 0 and offsets[-1] == count):
        return False
    if not count == len(table.labels) == len(table.track_ids) == len(table.flags):
        return False
    areas, flags = table.given_areas, OCCLUDED | GENERATED | TRAINABLE | CROWD
    return bool(
        (offsets[1:] >= offsets[:-1]).all()
        and table.boxes.shape[1] == 4
        and np.isfinite(table.boxes).all()
        and _within(table.labels, len(table.class_names))
        and (table.flags <= flags).all()
        and len(areas) in (0, count)
        and not np.isinf(areas).any()
    )


def _names_fit(table: IndexTable) -> bool:
    files: Sequence[object] = table.file_names or ()
    paths = (*table.names, *files)
    if table.file_names is not None and len(files) != len(table.frame_sizes):
        return False
    known = all(isinstance(name, str) and name and is_plain(name) for name in (*table.class_names, *paths))
    counts = table.counts
    counted = isinstance(counts, dict) and all(isinstance(number, int) for number in counts.values())
    return known and counted and not any(leaves_folder(str(name)) for name in paths)


def _within(values: np.ndarray, count: int) -> bool:
    """All are positions among `count`."""
    return bool((values >= 0).all() and (values < count).all())
