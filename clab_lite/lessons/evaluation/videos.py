"""What a detector found, video by video: to draw videos again by hand, and to see that frames are not independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.dataset_detections import detect_selection
from clab_lite.evaluation_report import FOUND_FROM
from clab_lite.metrics.average_precision import accumulate
from clab_lite.metrics.coco import CocoRules
from clab_lite.metrics.collect import collect
from clab_lite.metrics.outcomes import TRUE, Outcomes
from clab_lite.scoring.inputs import Inputs


@dataclass(frozen=True)
class FoundInVideos:
    """Outcomes (COCO, IoU 0.5) of F frames in V videos.

    video_of_frame: (F,) 0 ... V-1. names: (V,) of the videos.
    """

    outcomes: Outcomes
    video_of_frame: NDArray[np.int32]
    names: tuple[str, ...]

    @property
    def videos(self) -> int:
        """How many."""
        return len(self.names)

    @property
    def frames(self) -> int:
        """How many, of all videos."""
        return len(self.video_of_frame)

    def ap50_of_videos(self, drawn: ArrayLike) -> float:
        """AP50 as if the dataset were these videos; one that is named twice counts twice.

        A class that none of them shows keeps the AP it has in the whole data, as in `metrics.bootstrap`.
        """
        rows = [np.flatnonzero(self.video_of_frame == video) for video in range(self.videos)]
        return self.ap50_of_frames(np.concatenate([rows[video] for video in np.asarray(drawn, int).tolist()]))

    def ap50_of_frames(self, drawn: ArrayLike) -> float:
        """AP50 as if the dataset were these frames (rows 0 ... F-1), with repetitions."""
        frames = np.asarray(drawn, int)
        found, truth = _rows_of(self.outcomes.image, frames), _rows_of(self.outcomes.truth_image, frames)
        part = accumulate(
            replace(
                self.outcomes,
                score=self.outcomes.score[found],
                label=self.outcomes.label[found],
                image=self.outcomes.image[found],
                code=self.outcomes.code[:, found],
                truth_label=self.outcomes.truth_label[truth],
                truth_image=self.outcomes.truth_image[truth],
                counted=self.outcomes.counted[:, truth],
            ),
            self.outcomes.columns[0],
        )
        whole = accumulate(self.outcomes, self.outcomes.columns[0])
        known = whole.truths > 0
        return float(np.where(part.truths > 0, part.ap, whole.ap)[known].mean()) if known.any() else math.nan

    def found_share(self) -> NDArray[np.float64]:
        """(F,) share of a frame's objects that a right detection with a score of 0.3 or more finds; NaN without any."""
        right = (self.outcomes.code[0] == TRUE) & (self.outcomes.score >= FOUND_FROM)
        found = np.bincount(self.outcomes.image[right], minlength=self.frames)
        objects = np.bincount(self.outcomes.truth_image[self.outcomes.counted[0]], minlength=self.frames)
        return np.where(objects > 0, found / np.maximum(objects, 1), math.nan)


def found_in_videos(
    detector: nn.Module, index: VideoIndex, *, subset: Subset | None = None, store: str | Path | None = None
) -> FoundInVideos:
    """Detect (or read from the store) and match. Arguments as in `clab_lite.evaluate`."""
    selection = (subset or Subset()).select(index)
    inputs = Inputs.of(index, selection, detect_selection(detector, index, selection, store=store, progress=False))
    outcomes = collect(inputs.chunks, inputs.classes, CocoRules(inputs.truth, thresholds=(0.5,)))[0]
    return FoundInVideos(outcomes, inputs.frames.video, inputs.video_names)


def likeness(values: ArrayLike, groups: ArrayLike) -> float:
    """Intraclass correlation: how alike two values of one group are, 0 (as any two) to 1 (the same).

    The estimate from the variances between and inside groups (Fisher 1925), for groups of unequal sizes; values below
    0, possible by chance, are given as 0. NaN when there is nothing to compare. Values that are NaN are left out.
    """
    numbers, names = np.asarray(values, float), np.asarray(groups)
    kept = ~np.isnan(numbers)
    numbers, group = numbers[kept], np.unique(names[kept], return_inverse=True)[1]
    counts = np.bincount(group).astype(float)
    n, k = len(numbers), len(counts)
    if k < 2 or n <= k or np.ptp(numbers) == 0:
        return math.nan
    means = np.bincount(group, numbers) / counts
    between = (counts * (means - numbers.mean()) ** 2).sum() / (k - 1)
    within = ((numbers - means[group]) ** 2).sum() / (n - k)
    size = (n - (counts**2).sum() / n) / (k - 1)
    return float(max(0.0, (between - within) / (between + (size - 1) * within)))


def worth(frames: int, videos: int, alike: float) -> float:
    """As how many independent frames so many frames of so many videos count: F / (1 + (F/V - 1) * likeness).

    Kish's design effect (1965): likeness 0 leaves all frames, likeness 1 one per video.
    """
    return frames / (1 + (frames / videos - 1) * alike)


def percentiles(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of the values: (lower, upper) end."""
    low, high = np.quantile(np.asarray(values, float), [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def _rows_of(image: NDArray[np.int32], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows whose image is drawn, as often as it is drawn. `image` ascends."""
    starts, stops = np.searchsorted(image, frames, "left"), np.searchsorted(image, frames, "right")
    counts = stops - starts
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
