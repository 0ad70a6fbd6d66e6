"""Who is whose positive and negative in a batch of clips over several GPUs, and the loss at chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from clab_lite.config import ContrastConfig
from clab_lite.detector.contrast import AuxiliaryBranch, clip_labels
from clab_lite.lessons.contrast.terms import nt_xent
from clab_lite.ranges import checked

_MANY = (1, 4096)


@dataclass(frozen=True)
@checked(clips_per_gpu=_MANY, gpus=_MANY, references=(0, 4096))
class Batch:
    """One training step's frames over all GPUs, as the auxiliary branch sees them (frame level)."""

    clips_per_gpu: int = 2
    gpus: int = 1
    references: int = 2
    """Reference frames of a clip, beside its key frame."""

    @property
    def frames(self) -> int:
        """Frames of one clip: the key frame and its references."""
        return 1 + self.references

    @property
    def clips(self) -> int:
        """Clips over all GPUs."""
        return self.clips_per_gpu * self.gpus

    @property
    def anchors(self) -> int:
        """Frames over all GPUs; each is an anchor once it has a positive."""
        return self.clips * self.frames

    @property
    def positives(self) -> int:
        """Positives of an anchor: the other frames of its clip."""
        return self.frames - 1

    @property
    def negatives(self) -> int:
        """Negatives of an anchor: all frames of all other clips."""
        return (self.clips - 1) * self.frames

    @property
    def pairs(self) -> int:
        """Ordered pairs (anchor, positive) over which the loss is averaged."""
        return self.anchors * self.positives

    @property
    def chance(self) -> float:
        """NT-Xent of embeddings that tell nothing; 0 where the loss is 0 by construction."""
        return math.log(1 + self.negatives) if self.positives else 0.0

    @property
    def labels(self) -> Tensor:
        """(anchors,) clip of each row."""
        return clip_labels(self.clips, self.frames, torch.device("cpu"))


@lru_cache(maxsize=256)
def losses_that_know_nothing(
    batch: Batch, temperature: float, dimensions: int = 128, seed: int = 0
) -> dict[str, float]:
    """NT-Xent of three kinds of embeddings (anchors, dimensions) that hold nothing about clips.

    All equal; those of an untrained auxiliary branch on random features; random directions.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = ContrastConfig(channels=64, hidden=64, embedding=dimensions, temperature=temperature)
        branch = AuxiliaryBranch(16, config)
        features = torch.rand(batch.anchors, 16, 4, 4)
        random = torch.randn(batch.anchors, dimensions)
    with torch.no_grad():
        kinds = {
            "all equal": torch.ones(batch.anchors, dimensions),
            "untrained branch": branch.embed(features),
            "random directions": random,
        }
        return {name: float(nt_xent(rows, batch.labels, temperature)) for name, rows in kinds.items()}
