"""Time and memory of the evaluator at the size of ImageNet VID's validation set, and its speed beside pycocotools.

usage: python tests/benchmarks/bench_evaluator.py     each measurement in a fresh process; the detections are streamed

Seconds are those of the processor, so that other work on the machine does not count; the evaluator uses one core.
Detections are drawn video by video: near the objects, as a detector finds them, and the rest anywhere.
"""

from __future__ import annotations

import contextlib
import io
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.average_precision import accumulate_all
from clab_lite.metrics.coco import AREA_RANGES, CocoRules, coco_outcomes
from clab_lite.metrics.collect import collect
from clab_lite.metrics.motion import motion_iou
from clab_lite.metrics.voc import FgfaRules, MegaRules, motion_ranges

VIDEOS, FRAMES, OBJECTS, CLASSES, PER_FRAME = 555, 176_126, 273_505, 30, 100
LIMITS = {"ap50": (60, 400), "all": (240, 1000)}
"""Seconds and MB."""
WIDTH, HEIGHT = 1280, 720


def make_truth(frame_count: int) -> tuple[GroundTruth, Frames, NDArray[np.int64]]:
    """Objects that drift through the frames of their videos, and the track id of each."""
    rng = np.random.default_rng(0)
    videos = max(frame_count * VIDEOS // FRAMES, 1)
    cuts = np.sort(rng.choice(np.arange(1, frame_count), videos - 1, replace=False))
    video = np.zeros(frame_count, np.int32)
    video[cuts] = 1
    video = np.cumsum(video)
    frames = Frames.of(np.full(frame_count, WIDTH), np.full(frame_count, HEIGHT), video)
    image, track = [], []
    for number in range(videos):
        rows = np.flatnonzero(video == number)
        for identity in range(rng.poisson(OBJECTS / FRAMES - 1) + 1):
            image.append(rows)
            track.append(np.full(len(rows), identity))
    images, tracks = np.concatenate(image), np.concatenate(track)
    first = np.concatenate([[True], (np.diff(images) != 1) | (np.diff(tracks) != 0)])
    run = np.cumsum(first) - 1
    count = run[-1] + 1
    step = np.arange(len(images)) - np.flatnonzero(first)[run]
    size = np.exp(rng.uniform(np.log(20), np.log(400), (count, 2)))[run]
    corner = rng.uniform(0, 600, (count, 2))[run] + (rng.normal(0, 4, (count, 2))[run] * step[:, None]) % 400
    boxes = np.round(np.concatenate([corner, corner + size], axis=1))
    motion = np.ones(len(images))
    for number in range(videos):
        own = video[images] == number
        motion[own] = motion_iou(images[own], tracks[own], boxes[own])
    return GroundTruth.of(images, rng.integers(0, CLASSES, count)[run], boxes, motion=motion), frames, tracks


def stream(truth: GroundTruth, frames: Frames, first: int = 0) -> Iterator[Detections]:
    """One chunk per video from `first` on, float32, PER_FRAME detections in each frame; about five near each object."""
    truth = truth.rows(np.argsort(truth.image, kind="stable"))
    for video in range(first, int(frames.video[-1]) + 1):
        rng = np.random.default_rng(video)
        rows = np.flatnonzero(frames.video == video)
        image = np.repeat(rows, PER_FRAME)
        corner = rng.uniform(0, 900, (len(image), 2))
        boxes = np.concatenate([corner, corner + rng.uniform(10, 400, (len(image), 2))], axis=1)
        label = rng.integers(0, CLASSES, len(image))
        low, high = np.searchsorted(truth.image, [rows[0], rows[-1] + 1])
        near = np.repeat(np.arange(low, high), 5)
        place = (truth.image[near] - rows[0]) * PER_FRAME + rng.integers(0, PER_FRAME, len(near))
        boxes[place] = truth.boxes[near] + rng.normal(0, 12, (len(near), 4))
        right = rng.random(len(near)) < 0.8
        label[place[right]] = truth.label[near[right]]
        score = rng.random(len(image)) ** 4
        score[place] = rng.random(len(place))
        yield Detections(image.astype(np.int32), label, boxes.astype(np.float32), score.astype(np.float32))


class Drawn:
    """The stream, how many detections it gave, and the seconds that it took to draw them."""

    def __init__(self, truth: GroundTruth, frames: Frames) -> None:
        self._stream = stream(truth, frames)
        self.count, self.seconds = 0, 0.0

    def __iter__(self) -> Iterator[Detections]:
        return self

    def __next__(self) -> Detections:
        start = time.process_time()
        try:
            chunk = next(self._stream)
        finally:
            self.seconds += time.process_time() - start
        self.count += len(chunk)
        return chunk


def measure(what: str, frame_count: int) -> None:
    """Evaluate and print the numbers, seconds and MB; the drawing of the detections is left out of the seconds."""
    truth, frames, _ = make_truth(frame_count)
    drawn = Drawn(truth, frames)
    start = time.process_time()
    if what == "ap50":
        outcomes = (coco_outcomes(drawn, truth, CLASSES, thresholds=(0.5,)),)
    else:
        sizes = {name: AREA_RANGES[name] for name in ("small", "medium", "large")}
        ranges = motion_ranges(truth, frames)
        rules = (CocoRules(truth), CocoRules(truth, thresholds=(0.5,), areas=sizes))
        voc = (MegaRules(truth, frames, ranges), FgfaRules(truth, frames, ranges))
        outcomes = collect(drawn, CLASSES, *rules, *voc)
    matched = time.process_time() - start - drawn.seconds
    columns = [column for outcome in outcomes for column in accumulate_all(outcome).values()]
    seconds = time.process_time() - start - drawn.seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:5} {len(frames):,} frames, {drawn.count:,} detections, {len(truth):,} objects, {len(columns)} columns: "
        f"{seconds:.1f} s (matching {matched:.1f} s), {memory:.0f} MB; first AP {columns[0].mean():.4f}"
    )
    if frame_count == FRAMES and (seconds > LIMITS[what][0] or memory > LIMITS[what][1]):
        raise SystemExit(f"the limit is {LIMITS[what][0]} s and {LIMITS[what][1]} MB")


def compare(frame_count: int) -> None:
    """AP50 by both evaluators in one process, on the same detections."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, frames, _ = make_truth(frame_count)
    chunks = list(stream(truth, frames))
    start = time.process_time()
    own = accumulate_all(coco_outcomes(chunks, truth, CLASSES, thresholds=(0.5,)))["0.50 all"].mean()
    ours = time.process_time() - start
    found = Detections(*(np.concatenate([getattr(c, n) for c in chunks]) for n in ("image", "label", "boxes", "score")))
    boxes = found.boxes.astype(np.float64)
    table = np.column_stack([found.image, boxes[:, :2], boxes[:, 2:] - boxes[:, :2], found.score, found.label])
    sides = np.column_stack([truth.boxes[:, :2], truth.boxes[:, 2:] - truth.boxes[:, :2]]).tolist()
    rows = zip(truth.image.tolist(), truth.label.tolist(), sides, truth.area.tolist(), strict=True)
    annotations = [
        {"id": i + 1, "image_id": image, "category_id": label, "bbox": box, "area": area, "iscrowd": 0}
        for i, (image, label, box, area) in enumerate(rows)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        named = ({"id": i} for i in range(len(frames))), ({"id": i} for i in range(CLASSES))
        reference.dataset = {"images": list(named[0]), "categories": list(named[1]), "annotations": annotations}
        reference.createIndex()
        start = time.process_time()
        evaluation = COCOeval(reference, reference.loadRes(table), "bbox")
        evaluation.params.iouThrs, evaluation.params.areaRng = np.array([0.5]), [[0, 1e10]]
        evaluation.params.areaRngLbl, evaluation.params.maxDets = ["all"], [100]
        evaluation.evaluate()
        evaluation.accumulate()
        theirs = time.process_time() - start
    precision = evaluation.eval["precision"]
    print(
        f"{len(frames):,} frames: pycocotools {theirs:.1f} s, here {ours:.2f} s, {theirs / ours:.0f} times; "
        f"AP50 differs by {abs(precision[precision > -1].mean() - own):.0e}"
    )


def main() -> None:
    """Measure everything, each in a process of its own."""
    if len(sys.argv) == 3:
        what, frames = sys.argv[1], int(sys.argv[2])
        return compare(frames) if what == "compare" else measure(what, frames)
    for what, frames in (("ap50", FRAMES), ("all", FRAMES), ("compare", 5000)):
        subprocess.run([sys.executable, __file__, what, str(frames)], check=True)


if __name__ == "__main__":
    main()
