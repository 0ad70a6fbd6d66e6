"""A method of a few thousand weights with everything that a real one has: key network, queue, source by step.

And, run as a program, a pre-training that kills its own process (SIGKILL) in the middle of a step:
stand_in.py DATASET RUN_FOLDER STEP
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.config import BackboneConfig
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.methods.shared.info_nce import info_nce
from clab_lite.methods.shared.momentum import MomentumEncoder
from clab_lite.methods.shared.part import WHOLE, Part
from clab_lite.methods.shared.queue import RingQueue
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.methods.shared.stages import Stages
from clab_lite.pretraining.loop import PretrainResult, pretrain
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.ranges import checked
from clab_lite.training.dataset import describe


@dataclass(frozen=True)
@checked(dim=(1, 1024))
class StandInConfig:
    """Frames against noisier frames."""

    dim: int = 8
    pretrain: PretrainConfig = PretrainConfig(steps=12, batch=4, learning_rate=0.02)
    backbone: BackboneConfig = field(
        default_factory=lambda: BackboneConfig(
            "resnet18", 8, imagenet_weights=False, frozen_stages=0, frozen_norm=False
        )
    )


class StandIn(nn.Module):
    """InfoNCE of pooled C5 against a queue of keys, and the norm of the queries as a second term."""

    def __init__(self, config: StandInConfig) -> None:
        super().__init__()
        self.stages = Stages(config.backbone)
        self.head = nn.Linear(self.stages.channels[-1], config.dim)
        self.keys = MomentumEncoder(self.stages, 0.9)
        self.queue = RingQueue(8, config.dim)
        self.latest: Tensor | None = None

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.keys.update(self.stages)
        query = self.head(self.stages(batch["frames"])[-1].mean(dim=(2, 3)))
        with torch.no_grad():
            self.latest = self.head(self.keys(batch["frames"] + batch["noise"])[-1].mean(dim=(2, 3)))
        dropped = nn.functional.dropout(query, 0.1)  # draws from the random state of the step
        contrast = info_nce(dropped, self.latest, self.queue.vectors, 0.2).mean()
        size = query.square().mean()
        return {"contrast": contrast, "size": size, "total": contrast + 0.01 * size}

    def update(self) -> None:
        assert self.latest is not None
        self.queue.enqueue(self.latest)

    def trainable(self) -> Iterator[nn.Parameter]:
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def backbone_state(self) -> dict[str, Tensor]:
        return self.stages.detector_state()


class StandInSource:
    """Frames of the index, drawn by (seed, step)."""

    def __init__(self, config: StandInConfig, index: VideoIndex) -> None:
        self.seed, self.count, self.index = config.pretrain.seed, config.pretrain.batch, index

    def batch(self, step: int, part: Part = WHOLE) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(1000 * self.seed + step)
        keys = self.index.key_frames[torch.randint(len(self.index.key_frames), (self.count,), generator=random).numpy()]
        frames = torch.stack([self.index.load_image(int(video), int(frame)) for video, frame in keys])
        batch = {"frames": frames.float() / 255 - 0.5, "noise": 0.1 * torch.randn(frames.shape, generator=random)}
        own = part.places(self.count)
        return {name: values[own.start : own.stop] for name, values in batch.items()}


LOOP = LoopConfig(threads=1, log_every=3, checkpoint_every=5)


def run(
    folder: Path,
    index: VideoIndex,
    config: StandInConfig | None = None,
    method: Callable[[StandInConfig], StandIn] = StandIn,
    **options: Any,
) -> PretrainResult:
    """A whole pre-training of the stand-in."""
    config = config or StandInConfig()
    options = {"loop": LOOP, "device": "cpu", "progress": False} | options
    return pretrain(
        "standin", config, lambda: (method(config), StandInSource(config, index)), describe(index), folder, **options
    )


class Dying(StandIn):
    """Kills the process in its n-th call."""

    calls_left = 0

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls_left -= 1
        if self.calls_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(batch)


if __name__ == "__main__":

    def dying(config: StandInConfig) -> StandIn:
        method = Dying(config)
        method.calls_left = int(sys.argv[3])
        return method

    run(Path(sys.argv[2]), open_dataset(sys.argv[1], "train", cache=False), method=dying)
