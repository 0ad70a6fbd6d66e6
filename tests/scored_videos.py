"""Nine small videos and detections that are partly wrong, to be scored. No pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clab_lite.data import VideoIndex
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.evaluate import FrameDetections, score_detections
from clab_lite.evaluation_report import EvaluationReport

FRAMES, EMPTY = 8, 5
"""Frames of a video, and the one without objects."""


def scored_index(root: Path) -> VideoIndex:
    """Nine videos of six sources: in each, three objects of three classes, still, drifting and fast."""
    draw = np.random.default_rng(5)
    names = [f"val/ILSVRC2015_val_{source:05d}{part:03d}" for source in range(6) for part in range(1 + source % 2)]
    records, troubles = [], {}
    for name in names:
        record = VideoRecord(name, False)
        sides = draw.permutation([24, 64, 110])[:, None] + draw.integers(-6, 6, (3, 2))
        corner, labels = draw.integers(0, 150, (3, 2)), draw.permutation(3)
        for frame in range(FRAMES):
            record.start_frame(640, 480)
            for k, speed in enumerate((0, 3, 40)):
                x, y = corner[k] + (speed * frame, 0)
                box, occluded = tuple(map(float, (x, y, x + sides[k][0], y + sides[k][1]))), bool(draw.integers(2))
                if frame != EMPTY:
                    record.add_box(box, int(labels[k]), k, occluded, False)  # type: ignore[arg-type]
        records.append(record)
        troubles[name] = tuple(() if frame % 2 else ("noise",) for frame in range(FRAMES))
    return VideoIndex(assemble(records, ("car", "cat", "dog", "fox"), []), root, root, troubles)


def mixed_detections(index: VideoIndex) -> list[FrameDetections]:
    """True boxes, moved; some missing, some of another class; and boxes anywhere."""
    draw, result = np.random.default_rng(6), []
    for video in range(len(index)):
        for frame in range(FRAMES):
            truth = index.annotation(video, frame)
            kept = np.flatnonzero(draw.random(len(truth.labels)) < 0.8)
            boxes = truth.boxes[kept] + draw.normal(0, 4, (len(kept), 4))
            labels = np.where(draw.random(len(kept)) < 0.1, draw.integers(0, 4, len(kept)), truth.labels[kept])
            corners = draw.uniform(0, 300, (4, 2))
            boxes = np.concatenate([boxes, np.concatenate([corners, corners + draw.uniform(20, 90, (4, 2))], axis=1)])
            labels = np.concatenate([labels, draw.integers(0, 4, 4)])
            scores = np.concatenate([draw.uniform(0.2, 1, len(kept)), draw.uniform(0, 0.7, 4)])
            best = np.argsort(-scores)
            columns = boxes[best].astype(np.float32), scores[best].astype(np.float32), labels[best]
            result.append(FrameDetections(video, frame, *columns))
    return result


def of(index: VideoIndex, found: Sequence[FrameDetections], *words: str) -> EvaluationReport:
    """The report on a subset, without intervals."""
    return score_detections(index, found, subset=Subset.parse(words), resamples=0)
