"""Run by test_split_methods.py in two processes: the three methods on one joined batch, then a few steps.

The first does all of it alone before it joins the other.

usage: split_methods.py DATASET FOLDER   (RANK and WORLD_SIZE from the environment, as torchrun sets them)
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from alone import alone
from torch import Tensor

from clab_lite import distributed
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.methods.codo.config import CompositeConfig
from clab_lite.methods.shared.part import Part
from clab_lite.pretraining.loop import pretrain, together
from clab_lite.pretraining.methods import build_method, preset_of
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.training.dataset import describe

BATCH = 4
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "ranked": ("ranked", {"bank": 16, "withheld": None, "batch_of": "images", "variant": "out-in"}),
    "softmax": ("ranked", {"withheld": None, "objective": "softmax", "batch_of": "images"}),
    "crosscl": ("crosscl", {"queue": 8, "image_size": 64}),
    "codo": ("codo", {"composite": CompositeConfig(image_size=64)}),
    "codo-queue": ("codo", {"negatives": "queue", "queue_size": 16, "ema": 0.9}),
}
"""What to call a case -> its method, and changes of the lite preset."""
RUNS = ("ranked", "crosscl", "codo-queue")
"""Cases that are also run through the loop."""
STEPS = 2


def config_of(case: str, steps: int = STEPS) -> Any:
    """A case with SGD, so that a rounding in a small gradient stays small. With this seed images differ in crops."""
    name, changes = CHANGES[case]
    config: Any = preset_of(name, "lite")
    recipe = replace(config.pretrain, steps=steps, batch=BATCH, optimizer="sgd", learning_rate=0.002, seed=1)
    return replace(config, pretrain=recipe, **changes)


def first_step(case: str, index: VideoIndex) -> dict[str, Any]:
    """Terms of the joined batch, averaged gradients, and what the queues hold after it."""
    config = config_of(case)
    torch.manual_seed(0)
    made, source = build_method(CHANGES[case][0], config, index)
    method: Any = made
    method.train()
    part = Part(distributed.rank(), distributed.world_size())
    model = method if part.of == 1 else together(method)
    batch = source.batch(0, part)
    terms = model(batch)
    terms["total"].backward()
    method.update()
    gradients = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    averaged = {name: distributed.average_over_ranks(value.detach()) for name, value in terms.items()}
    return {
        "terms": averaged,
        "gradients": gradients,
        "buffers": dict(method.named_buffers()),
        "batch": {name: value for name, value in vars(batch).items() if isinstance(value, Tensor)},
    }


def work(index: VideoIndex, folder: Path) -> None:
    """Write FOLDER/<case>_<rank>.pt, and runs of two steps in FOLDER/<case>."""
    for case in CHANGES:
        torch.save(first_step(case, index), folder / f"{case}_{distributed.rank()}.pt")
    for case in RUNS:
        name, config = CHANGES[case][0], config_of(case)
        pretrain(
            name, config, lambda name=name, config=config: build_method(name, config, index), describe(index),
            folder / case, loop=LoopConfig(threads=1, log_every=1), device="cpu", progress=False,
        )  # fmt: skip


def main() -> None:
    """FOLDER/one is of one process, FOLDER/two of both."""
    dataset, folder = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    index = open_dataset(dataset, "train", cache=False)
    if os.environ["RANK"] == "0":
        with alone():
            work(index, folder / "one")
    distributed.start_from_environment("cpu")
    work(index, folder / "two")
    distributed.stop()


if __name__ == "__main__":
    main()
