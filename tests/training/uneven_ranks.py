"""Run by test_uneven_ranks.py in three processes: batches in which the ranks have little in common.

The first computes the joined batches alone before it joins the others.

usage: uneven_ranks.py DATASET FOLDER   (RANK and WORLD_SIZE from the environment, as torchrun sets them)
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from alone import alone
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from training_world import micro_config

import clab_lite.detector.sampling
from clab_lite import distributed
from clab_lite.data import open_dataset
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.train import Step, train
from clab_lite.training.agreement import require_same_start
from clab_lite.training.batches import batches
from clab_lite.training.interrupt import Stopped
from clab_lite.training.losses import total_loss

RANKS = 3
CASES = {
    "nothing_annotated_on_one": "object",
    "no_pair_of_one": "object",
    "no_pair_at_all": "object",
    "portrait_on_one": "frame",
}
"""What is uneven -> level of the contrast."""
JOINED = ("nothing_annotated_on_one", "no_pair_of_one", "no_pair_at_all")
"""Cases that one process can compute too: its clips have one size."""


def batch_of(case: str, index: VideoIndex, config: Any) -> tuple[Tensor, list[dict[str, Any]]]:
    """The clips of this rank (of all ranks, alone), changed as the case says; "one" is the second clip."""
    clips, targets = next(batches(config, index, 0, torch.device("cpu")))
    size = distributed.world_size()
    numbers = range(distributed.rank(), distributed.rank() + 1) if size > 1 else range(RANKS)
    for number, target in zip(numbers, targets, strict=True):
        frames = [target, *target["reference_targets"]]
        if number == 1 and case == "nothing_annotated_on_one":
            for frame in frames:
                frame |= {
                    "boxes": torch.zeros(0, 4),
                    "labels": torch.zeros(0).long(),
                    "track_ids": torch.zeros(0).long(),
                }
        if case == "no_pair_at_all" or (number == 1 and case == "no_pair_of_one"):
            for place, frame in enumerate(frames):
                frame["track_ids"] = frame["track_ids"] + 100 * place
    if case == "portrait_on_one" and distributed.rank() == 1:
        clips = clips.transpose(-1, -2).contiguous()
        for frame in (frame for target in targets for frame in (target, *target["reference_targets"])):
            frame["boxes"] = frame["boxes"][:, [1, 0, 3, 2]]
        for target in targets:
            target["image_size"] = target["image_size"][::-1]
            target["reference_sizes"] = [size[::-1] for size in target["reference_sizes"]]
    return clips, targets


def two_steps(case: str, index: VideoIndex) -> dict[str, Any]:
    """Losses and gradients of the first step; weights after the second, which waits where ranks took other ways."""
    config = micro_config()
    contrast = replace(config.detector.contrast, level=CASES[case])
    share = RANKS // distributed.world_size()
    config = replace(
        config,
        detector=replace(config.detector, contrast=contrast),
        train=replace(config.train, clips_per_rank=share),
    )
    torch.manual_seed(0)
    detector = VideoDetector(config.detector).train()
    model = DistributedDataParallel(detector) if distributed.world_size() > 1 else detector
    optimizer = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=0.01)
    found: dict[str, Any] = {}
    for _ in range(2):
        clips, targets = batch_of(case, index, config)
        losses = model(clips, targets)
        optimizer.zero_grad()
        total_loss(losses, 1.0).backward()
        if not found:
            averaged = {name: distributed.average_over_ranks(value.detach()) for name, value in losses.items()}
            gradients = {name: p.grad.clone() for name, p in detector.named_parameters() if p.grad is not None}
            found = {"losses": averaged, "gradients": gradients, "clips": clips.shape[-2:]}
        optimizer.step()
    return found | {"weights": dict(detector.named_parameters())}


def work(index: VideoIndex, folder: Path) -> None:
    """Write FOLDER/<case>_<rank>.pt, and train on two key frames in FOLDER/run."""
    several = distributed.world_size() > 1
    for case in CASES if several else JOINED:
        torch.save(two_steps(case, index), folder / f"{case}_{distributed.rank()}.pt")
    config = micro_config(iterations=2)
    config = replace(config, train=replace(config.train, clips_per_rank=1 if several else RANKS, log_every=1))
    few = replace(index, table=replace(index.table, listed_key_frames=index.key_frames[:2]))
    train(config, few, folder / "run", device="cpu", progress=False)


def main() -> None:
    """FOLDER/one is of one process, FOLDER/three of all."""
    dataset, folder = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    # Random choices differ between ranks; "the first" do not.
    clab_lite.detector.sampling.choose_random = lambda candidates, count: candidates[:count]
    index = open_dataset(dataset, "train", cache=False)
    if os.environ["RANK"] == "0":
        with alone():
            work(index, folder / "one")
    distributed.start_from_environment("cpu")
    work(index, folder / "three")
    seen = {"told": told(), "stopped": stopped(index, folder / "stopped")}
    torch.save(seen, folder / f"seen_{distributed.rank()}.pt")
    distributed.stop()


def told() -> str:
    """What a process hears when the last one goes on from another checkpoint than the rest."""
    content = {"model": {"weight": torch.full((2,), float(distributed.rank() == RANKS - 1))}, "optimizer": {}}
    require_same_start(3, {**content, "model": {"weight": torch.zeros(2)}}, torch.device("cpu"))  # all the same: silent
    try:
        require_same_start(3, content, torch.device("cpu"))
    except DataError as error:
        return str(error)
    return ""


def stopped(index: VideoIndex, folder: Path) -> tuple[int, int]:
    """SIGTERM to the last process in its third step: (the signal, the steps that this process did)."""
    steps = [0]

    def look(step: Step) -> None:
        steps[0] = step.iteration
        if step.iteration == 3 and distributed.rank() == RANKS - 1:
            signal.raise_signal(signal.SIGTERM)

    config = micro_config(iterations=9)
    config = replace(config, train=replace(config.train, clips_per_rank=1))
    try:
        train(config, index, folder, device="cpu", progress=False, on_step=look)
    except Stopped as stop:
        return stop.number, steps[0]
    return 0, steps[0]


if __name__ == "__main__":
    main()
