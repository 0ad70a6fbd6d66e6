"""Run by test_two_ranks.py, once per rank and once alone: losses and gradients of a batch, then a short training.

usage: two_ranks.py DATASET FOLDER   (RANK and WORLD_SIZE from the environment, as torchrun sets them)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch.nn.parallel import DistributedDataParallel
from training_world import micro_config

import clab_lite.detector.sampling
from clab_lite import distributed
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.train import Step, TrainingDiverged, train
from clab_lite.training.batches import batches
from clab_lite.training.losses import total_loss

_CLIPS = 4


def one_step(dataset: Path, level: str) -> dict[str, dict[str, torch.Tensor]]:
    """Losses of this rank and averaged gradients of one batch of four clips, shared between the ranks."""
    config = micro_config()
    contrast = replace(config.detector.contrast, level=level)
    config = replace(
        config,
        detector=replace(config.detector, contrast=contrast),
        train=replace(config.train, clips_per_rank=_CLIPS // distributed.world_size()),
    )
    torch.manual_seed(0)
    detector = VideoDetector(config.detector).train()
    model = DistributedDataParallel(detector) if distributed.world_size() > 1 else detector
    index = open_dataset(dataset, "train", cache=False)
    clips, targets = next(batches(config, index, 0, torch.device("cpu")))
    losses = model(clips, targets)
    total_loss(losses, 1.0).backward()
    gradients = {name: p.grad for name, p in detector.named_parameters() if p.grad is not None}
    averaged = {name: distributed.average_over_ranks(value.detach()) for name, value in losses.items()}
    return {"losses": averaged, "gradients": gradients}


def diverged(index: VideoIndex, folder: Path) -> str:
    """What is said when a weight of the last rank alone stops being a number after the first step."""

    def break_it(step: Step) -> None:
        if step.iteration == 1 and distributed.rank() == distributed.world_size() - 1:
            cast(VideoDetector, step.detector).box_head.regress.weight.data[0, 0] = float("nan")

    try:
        train(micro_config(3), index, folder / "diverged", device="cpu", progress=False, on_step=break_it)
    except TrainingDiverged as error:
        return str(error)
    return "did not diverge"


def main() -> None:
    """Write FOLDER/<level>_<rank>.pt, and train in FOLDER/run."""
    dataset, folder = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    # Random choices differ between ranks; "the first" do not.
    clab_lite.detector.sampling.choose_random = lambda candidates, count: candidates[:count]
    joined = distributed.start_from_environment("cpu")
    for level in ("frame", "object"):
        torch.save(one_step(dataset, level), folder / f"{level}_{distributed.rank()}.pt")
    config = micro_config(iterations=4)
    clips = _CLIPS // distributed.world_size()
    config = replace(config, train=replace(config.train, clips_per_rank=clips, log_every=1))
    index = open_dataset(dataset, "train", cache=False)
    train(config, index, folder / "run", device="cpu", progress=False)
    (folder / f"diverged_{distributed.rank()}.txt").write_text(diverged(index, folder))
    if joined:
        distributed.stop()


if __name__ == "__main__":
    main()
