"""Embeddings of the same frames and objects by several detectors, and their scores side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.io.formats.style import Styler
from torch import nn

from clab_lite.config import Config
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.embeddings import EmbeddingTable, Grouping, Level, embed_levels
from clab_lite.errors import DataError
from clab_lite.metrics.clusters import alignment

Moments = dict[str, dict[Level, EmbeddingTable]]
"""By the name of a detector at a moment of its training, its tables by level. All have the same rows."""

NEAR, FAR = "kNN purity, adjacent frames out", "kNN purity, own video out"
RELATIVE = "alignment ÷ any two rows"
_GROUPINGS: dict[Level, tuple[Grouping, ...]] = {
    "object": ("class_name", "video", "track"),
    "frame": ("class_name", "video"),
}
_WORDS = {"class_name": "class", "video": "video", "track": "track"}


def fresh(config: Config) -> VideoDetector:
    """The detector of a run before its first step: weights drawn with the run's own seed, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.train.seed)
        return VideoDetector(config.detector).eval()


def embed_moments(index: VideoIndex, detectors: Mapping[str, nn.Module]) -> Moments:
    """Embed every frame and every object of the videos with each detector. Row i is the same object in all tables."""
    moments: Moments = {}
    for name, detector in detectors.items():
        moments[name] = embed_levels(detector, index, ("object", "frame"), progress=False)
    return moments


def scores(moments: Moments, level: Level = "object") -> pd.DataFrame:
    """The scores of every moment, grouped by class, by video and (objects) by track.

    Returns a table with one row per (grouping, moment) and these columns: silhouette, alignment, uniformity, and
    NEAR: neighbour purity without adjacent frames of the same video;
    FAR: without any frame of it, which has a meaning for classes alone (else NaN);
    RELATIVE: alignment divided by the mean squared distance of any two rows: 1 where a group is no closer together
    than all rows are.
    """
    rows: list[dict[str, Any]] = []
    for by in _GROUPINGS[level]:
        for name, tables in moments.items():
            table = tables[level]
            near = table.scores(by)
            far = class_purity(table) if by == "class_name" else math.nan
            values = {"silhouette": near.silhouette, NEAR: near.knn_purity, FAR: far}
            values |= {"alignment": near.alignment, "uniformity": near.uniformity}
            values[RELATIVE] = near.alignment / max(alignment(table.matrix, np.zeros(len(table))), 1e-12)
            rows.append({"by": _WORDS[by], "moment": name, **values})
    return pd.DataFrame(rows).set_index(["by", "moment"])


def class_purity(table: EmbeddingTable) -> float:
    """Neighbour purity by class among the rows of *other* videos: the nearest cannot be the same object."""
    return table.scores("class_name", gap=whole_video(table)).knn_purity


def guessed_purity(table: EmbeddingTable) -> float:
    """`class_purity` to expect of neighbours drawn at random from the other videos."""
    rows = table.table
    same = pd.crosstab(rows["video"], rows["class_name"])  # rows of each class in each video
    others, sizes = same.sum() - same, len(rows) - same.sum(axis=1)
    return float((same * others).sum(axis=1).div(sizes.where(sizes > 0)).sum() / max(len(rows), 1))


def beside_guessing(moments: Moments, level: Level) -> str:
    """Purity by class among other videos of every moment, and what guessing would give, in one line."""
    parts = [f"{name} {class_purity(tables[level]):.2f}" for name, tables in moments.items()]
    *_, last = moments.values()
    return f"by class, own video out: {', '.join(parts)}; guessing would give {guessed_purity(last[level]):.2f}"


def whole_video(table: EmbeddingTable) -> int:
    """A gap in frames that leaves every row of the own video out."""
    return int(table.table["frame"].max()) if len(table) else 0


def readable(table: pd.DataFrame) -> Styler:
    """The table for a notebook: two decimals, a dash where there was nothing to compare."""
    return table.style.format(precision=2, na_rep="–").set_uuid("scores")


def shuffled(table: EmbeddingTable, seed: int) -> EmbeddingTable:
    """The same embeddings with the class names dealt out anew among the tracks (frames: among the videos).

    A track keeps one class in all its frames, as real ones do: what stays of a score is not about classes.
    """
    generator = np.random.default_rng(seed)
    keys = table.groups("track" if table.level == "object" else "video")
    names, members = np.unique(keys, return_inverse=True)
    first = np.unique(members, return_index=True)[1]
    classes = table.table["class_name"].to_numpy(dtype=str)[first]
    dealt = generator.permutation(classes)[members] if len(names) else classes
    return EmbeddingTable(table.table.assign(class_name=dealt), table.matrix, table.level)


def pair(moments: Moments, left: str, right: str, level: Level) -> tuple[EmbeddingTable, EmbeddingTable]:
    """Two tables whose rows belong together.

    Raises:
        DataError: there is no such moment, or they are tables of different videos.
    """
    for name in (left, right):
        if name not in moments:
            raise DataError(f"there is no moment {name!r}. Choose two of: {', '.join(moments)}.")
    one, other = moments[left][level], moments[right][level]
    keys = ["video", "frame", "track"]
    if not one.table[keys].equals(other.table[keys]):
        raise DataError(f"{left!r} and {right!r} show different frames. Embed the same videos with both.")
    return one, other
