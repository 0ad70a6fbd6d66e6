"""Points that move under the loss: real gradient descent, every step kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.config import ContrastConfig
from clab_lite.detector.contrast import AuxiliaryBranch, clip_labels
from clab_lite.lessons.contrast.circle import circle_distance
from clab_lite.lessons.contrast.terms import nt_xent, pull_alone
from clab_lite.metrics.clusters import alignment, uniformity

Loss = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class Flow:
    """One descent of N points, S steps long."""

    angles: NDArray[np.float64]
    """(S + 1, N) radians, before the first step and after each."""
    labels: NDArray[np.int64]
    """(N,) clip of each point."""
    losses: NDArray[np.float64]
    """(S + 1,) the loss that was lowered."""
    temperature: float
    negatives: bool
    """Whether negatives took part in the loss."""

    @property
    def steps(self) -> int:
        return len(self.angles) - 1

    @property
    def chance(self) -> float:
        """NT-Xent of embeddings that tell nothing: ln(1 + negatives)."""
        return math.log(1 + int((self.labels != self.labels[0]).sum()))

    def points(self, step: int) -> NDArray[np.float64]:
        """(N, 2) on the circle."""
        return np.stack([np.cos(self.angles[step]), np.sin(self.angles[step])], axis=1)

    @cached_property
    def alignment(self) -> list[float]:
        """At each step, the mean squared distance of positives: 0 is best."""
        return [alignment(self.points(step), self.labels) for step in range(self.steps + 1)]

    @cached_property
    def uniformity(self) -> list[float]:
        """At each step, the logarithm of the mean closeness of all pairs: 0 is all in one place, lower is more even."""
        return [uniformity(self.points(step)) for step in range(self.steps + 1)]

    def widest_clip(self, step: int) -> float:
        """Largest angle between two frames of one clip, degrees."""
        return float(self._between(step)[self.labels[:, None] == self.labels[None]].max())

    def nearest_clips(self, step: int) -> float:
        """Smallest angle between frames of different clips, degrees; NaN with one clip."""
        other = self.labels[:, None] != self.labels[None]
        return float(self._between(step)[other].min()) if other.any() else math.nan

    def _between(self, step: int) -> NDArray[np.float64]:
        return circle_distance(self.angles[step][:, None], self.angles[step][None])


@lru_cache(maxsize=64)
def move_points(
    clips: int = 4, frames: int = 3, temperature: float = 0.2, steps: int = 80, seed: int = 0, negatives: bool = True
) -> Flow:
    """Gradient descent on the angles themselves, from random angles.

    The step is τ times the gradient: the gradient of NT-Xent holds a factor 1/τ, and without this a small τ
    would jump and a large one would crawl.
    """
    generator = torch.Generator().manual_seed(seed)
    angles = (torch.rand(clips * frames, generator=generator, dtype=torch.float64) * 2 * math.pi).requires_grad_()
    labels = clip_labels(clips, frames, angles.device)
    loss_of = _loss(negatives)
    trail, losses = [], []
    for step in range(steps + 1):
        loss = loss_of(torch.stack([angles.cos(), angles.sin()], dim=1), labels, temperature)
        trail.append(angles.detach().clone())
        losses.append(float(loss.detach()))
        if step < steps:
            (gradient,) = torch.autograd.grad(loss, angles)
            with torch.no_grad():
                angles -= temperature * gradient
    return Flow(torch.stack(trail).numpy(), labels.numpy(), np.array(losses), temperature, negatives)


@lru_cache(maxsize=64)
def train_branch(
    clips: int = 4, frames: int = 3, temperature: float = 0.2, steps: int = 60, seed: int = 0, negatives: bool = True
) -> Flow:
    """Train the library's auxiliary branch, with two numbers per embedding, on made-up features of frames.

    A frame's feature map (8 channels, 4 x 4 cells) is the pattern of its clip plus its own noise. SGD, learning
    rate 0.1, momentum 0.9. What moves is the branch; the points are what it gives for the same frames.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        branch = AuxiliaryBranch(8, ContrastConfig(channels=16, hidden=16, embedding=2, temperature=temperature))
        pattern = torch.rand(clips, 8, 1, 1).repeat_interleave(frames, dim=0)
        features = pattern + 0.25 * torch.randn(clips * frames, 8, 4, 4)
    labels = clip_labels(clips, frames, features.device)
    loss_of = _loss(negatives)
    optimiser = torch.optim.SGD(branch.parameters(), lr=0.1, momentum=0.9)
    trail, losses = [], []
    for _ in range(steps + 1):
        embeddings = branch.embed(features)
        loss = loss_of(embeddings, labels, temperature)
        trail.append(torch.atan2(embeddings[:, 1], embeddings[:, 0]).detach().double())
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return Flow(torch.stack(trail).numpy(), labels.numpy(), np.array(losses), temperature, negatives)


def _loss(negatives: bool) -> Loss:
    return nt_xent if negatives else pull_alone
