"""Time and memory of a whole evaluation report at the size of ImageNet VID's validation set, intervals included.

usage: PYTHONPATH=. python tests/benchmarks/bench_report.py [FRAMES] [DRAWS]     176126 and 1000 when not given

The detections are drawn anew whenever a video is asked for, as a store would read them; those seconds are told apart.
Seconds are those of the processor; one core.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
from bench_evaluator import CLASSES, FRAMES, HEIGHT, WIDTH, make_truth, stream

from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.subset import Subset
from clab_lite.data.table import IndexTable
from clab_lite.data.video_index import VideoIndex
from clab_lite.detection_store import VideoDetections
from clab_lite.metrics.arrays import Frames, GroundTruth
from clab_lite.scoring import score


def make_index(frame_count: int) -> tuple[VideoIndex, GroundTruth, Frames]:
    """A dataset without pictures, every video its own source."""
    truth, frames, tracks = make_truth(frame_count)
    order = np.argsort(truth.image, kind="stable")
    counts = np.bincount(frames.video)
    table = IndexTable(
        class_names=VID_CLASSES,
        names=tuple(f"val/ILSVRC2015_val_{number:05d}000" for number in range(len(counts))),
        is_still=np.zeros(len(counts), bool),
        sizes=np.full((len(counts), 2), (WIDTH, HEIGHT), np.int32),
        frame_sizes=np.full((frame_count, 2), (WIDTH, HEIGHT), np.int32),
        frame_starts=np.cumsum(counts) - counts,
        frame_counts=counts,
        box_offsets=np.searchsorted(truth.image[order], np.arange(frame_count + 1)),
        boxes=truth.boxes[order].astype(np.float32),
        labels=truth.label[order].astype(np.int16),
        track_ids=tracks[order],
        flags=np.zeros(len(order), np.uint8),
        listed_key_frames=np.zeros((0, 2), np.int64),
    )
    return VideoIndex(table, Path(), Path()), truth, frames


class Drawn:
    """What a detector found in a video, and the seconds that it took to draw it."""

    def __init__(self, truth: GroundTruth, frames: Frames) -> None:
        self._truth, self._frames, self.seconds = truth.rows(np.argsort(truth.image, kind="stable")), frames, 0.0

    def __call__(self, video: int) -> VideoDetections:
        begun = time.process_time()
        chunk = next(stream(self._truth, self._frames, video))
        first = int(chunk.image[0])
        order = np.lexsort((-chunk.score, chunk.image))
        counts = np.bincount(chunk.image - first).astype(np.int32)
        answer = VideoDetections(
            np.arange(len(counts), dtype=np.int32),
            counts,
            chunk.boxes[order],
            chunk.score[order],
            chunk.label[order].astype(np.uint8),
        )
        self.seconds += time.process_time() - begun
        return answer


def main() -> None:
    """Score once and print."""
    frame_count, draws = (int(word) for word in [*sys.argv[1:3], *(str(FRAMES), "1000")[len(sys.argv) - 1 :]])
    index, truth, frames = make_index(frame_count)
    found, begun = Drawn(truth, frames), time.process_time()
    report = score(index, Subset().select(index), found, resamples=draws)
    seconds = time.process_time() - begun - found.seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    mega = {name: round(part.value or 0.0, 4) for name, part in report.protocols["mega"].scores.items()}
    print(f"{frame_count:,} frames, {report.counts['boxes']:,} boxes, {CLASSES} classes, {draws} draws of videos")
    print(f"{seconds:.0f} s (and {found.seconds:.0f} s to draw detections), {memory:.0f} MB")
    print(f"AP50 {report.ap50:.4f} {report.overall.ap50_interval}, MEGA {mega}")


if __name__ == "__main__":
    main()
