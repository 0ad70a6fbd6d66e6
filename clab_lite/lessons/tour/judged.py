"""Detections of some videos, each judged once: right or wrong. A threshold then only counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.vid import VideoIndex
from clab_lite.evaluate import EvaluationReport, FrameDetections, detect_dataset, score_detections
from clab_lite.show.frames import judge
from clab_lite.trained import Trained


@dataclass(frozen=True)
class Counts:
    """What a score threshold leaves, over all frames."""

    right: int
    """Boxes with the class of an object and an IoU with it of 0.5 or more; one per object."""
    wrong: int
    """All other boxes."""
    missed: int
    """Objects without a right box."""

    @property
    def precision(self) -> float:
        """Share of the boxes that are right; 1 where there are no boxes: none of them is wrong."""
        boxes = self.right + self.wrong
        return self.right / boxes if boxes else 1.0

    @property
    def recall(self) -> float:
        """Share of the objects that were found; NaN without objects."""
        objects = self.right + self.missed
        return self.right / objects if objects else float("nan")


@dataclass(frozen=True)
class JudgedVideos:
    """All detections in the frames of an index."""

    index: VideoIndex
    found: tuple[FrameDetections, ...]

    @cached_property
    def frames(self) -> dict[tuple[int, int], FrameDetections]:
        """By (video, frame)."""
        return {(frame.video, frame.frame): frame for frame in self.found}

    @cached_property
    def _table(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
        """Scores and verdicts of all N detections, best first, and how many objects there are.

        A box is matched after all boxes with higher scores, so leaving out the weak ones changes no verdict.
        """
        scores: list[NDArray[np.float64]] = [np.zeros(0)]
        right: list[NDArray[np.bool_]] = [np.zeros(0, bool)]
        objects = 0
        for frame in self.found:
            truth = self.index.annotation(frame.video, frame.frame)
            right.append(judge(self.result(frame.video, frame.frame), truth)[0])
            scores.append(frame.scores.astype(np.float64))
            objects += len(truth.labels)
        every = np.concatenate(scores)
        order = np.argsort(-every, kind="stable")
        return every[order], np.concatenate(right)[order], objects

    @property
    def objects(self) -> int:
        """How many objects the frames show, by the annotation."""
        return self._table[2]

    def counts(self, threshold: float) -> Counts:
        """When only boxes with a score of at least `threshold` are kept."""
        scores, right, objects = self._table
        kept = int(np.searchsorted(-scores, -threshold, side="right"))
        hits = int(right[:kept].sum())
        return Counts(hits, kept - hits, objects - hits)

    @cached_property
    def curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Thresholds 0, 0.01 ... 1, and precision and recall at each: three times (101,)."""
        levels = np.linspace(0, 1, 101)
        every = [self.counts(float(level)) for level in levels]
        return levels, np.array([one.precision for one in every]), np.array([one.recall for one in every])

    def result(self, video: int, frame: int) -> dict[str, NDArray[Any]]:
        """{"boxes" (D, 4) xyxy pixels, "scores" (D,), "labels" (D,)} of one frame, best first."""
        found = self.frames[video, frame]
        return {"boxes": found.boxes, "scores": found.scores, "labels": found.labels}

    def report(self, resamples: int = 500) -> EvaluationReport:
        """The full evaluation of the same detections."""
        return score_detections(self.index, self.found, resamples=resamples)


def detect(trained: Trained, index: VideoIndex) -> JudgedVideos:
    """Run the detector over every frame of the index.

    Raises:
        DataError: a frame cannot be read, or the detector has other classes than the videos.
    """
    return JudgedVideos(index, tuple(detect_dataset(trained.detector, index, progress=False)))
