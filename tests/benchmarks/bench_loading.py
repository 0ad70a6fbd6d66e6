"""Whether frames are decoded and augmented as fast as a training step uses them, by number of worker processes.

usage: python tests/benchmarks/bench_loading.py [preset] [batches]
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

import clab_lite as cl
from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.vid import VideoIndex
from clab_lite.detector import VideoDetector
from clab_lite.train import for_classes_of
from clab_lite.training.batches import batches
from clab_lite.training.losses import compute_losses, total_loss

SAMPLES = Path(__file__).parents[2] / "data_samples"


def seconds_per_batch(config: Config, index: VideoIndex, workers: int, count: int) -> float:
    """By the clock, from one batch to the next, when nothing else is computed; the first two are not counted."""
    alone = replace(config, data=replace(config.data, workers=workers, cache_images=False))
    with closing(batches(alone, index, 0, torch.device("cpu"))) as stream:
        for _ in range(2):
            next(stream)
        began = time.perf_counter()
        for _ in range(count):
            next(stream)
        return (time.perf_counter() - began) / count


def seconds_per_step(config: Config, index: VideoIndex, count: int = 3) -> float:
    """Forward and backward, without loading; by the clock, one thread: the median."""
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    detector = VideoDetector(replace(config.detector, backbone=backbone)).train()
    times = []
    with closing(
        batches(replace(config, data=replace(config.data, workers=0)), index, 0, torch.device("cpu"))
    ) as clips:
        for _ in range(count):
            batch = next(clips)
            began = time.perf_counter()
            total_loss(compute_losses(detector, *batch, "float32"), 0.005).backward()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    index = cl.data.open_dataset(SAMPLES, split="train")
    config = for_classes_of(index, presets.named(sys.argv[1] if len(sys.argv) > 1 else "laptop"))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print(f"{config.name}: {config.train.clips_per_rank} clips of {1 + config.data.references} frames a batch")
    print(f"a step computes for {seconds_per_step(config, index):.2f} s (one thread)")
    for workers in (0, 1, 2):
        print(f"{workers} workers: {1000 * seconds_per_batch(config, index, workers, count):.0f} ms a batch")


if __name__ == "__main__":
    main()
