"""A few real gradient steps of the auxiliary branch alone, and the two forces in each step."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import torch
from torch import Tensor

from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.branch.batch import Batch
from clab_lite.lessons.branch.ledger import Ledger
from clab_lite.lessons.branch.path import branch_of, c4_of


@dataclass(frozen=True)
class Steps:
    """Embeddings of one batch before the first step and after every step, and the loss on other batches beside it."""

    embeddings: list[Tensor]
    """steps + 1 times (N, D)."""
    labels: Tensor
    losses: list[float]
    """steps + 1 values on this batch."""
    other_losses: list[list[float]]
    """The same on other batches, which are only looked at: steps + 1 times one value per batch."""
    temperature: float
    by_heart: bool
    """Whether this very batch was learned from."""

    @property
    def other_means(self) -> list[float]:
        """steps + 1 values: the mean over the other batches."""
        return [sum(values) / len(values) for values in self.other_losses]

    def ledger(self, step: int) -> Ledger:
        """The ledger of the batch after so many steps."""
        return Ledger.of(self.embeddings[step], self.labels, self.temperature)


def learn(
    detector: VideoDetector,
    lessons: Sequence[Batch],
    watched: Batch,
    others: Sequence[Batch],
    steps: int = 40,
    learning_rate: float = 0.02,
) -> Steps:
    """Gradient descent on NT-Xent. Only the branch moves: C4 of each batch is computed once and stays.

    Args:
        detector: it is not changed; its branch is copied.
        lessons: what is learned from, one batch per step, from the start again when they run out. `[watched]` is
            learning by heart.
        watched: the batch whose embeddings are kept.
        others: more batches, only to look at.
        steps: gradient steps.
        learning_rate: of plain SGD with momentum 0.9.
    """
    branch = copy.deepcopy(branch_of(detector)).train()
    maps = [c4_of(detector, batch) for batch in lessons]
    mine, theirs = c4_of(detector, watched), [(c4_of(detector, batch), batch.labels) for batch in others]
    optimizer = torch.optim.SGD(branch.parameters(), learning_rate, momentum=0.9)
    embeddings, losses, other_losses = [], [], []
    for step in range(steps + 1):
        with torch.no_grad():
            embeddings.append(branch.embed(mine))
            losses.append(float(branch.loss(embeddings[-1], watched.labels)))
            other_losses.append([float(branch(rows, labels)) for rows, labels in theirs])
        if step < steps:
            loss = branch(maps[step % len(maps)], lessons[step % len(maps)].labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    by_heart = any(batch is watched for batch in lessons)
    return Steps(embeddings, watched.labels, losses, other_losses, detector.config.contrast.temperature, by_heart)


@dataclass(frozen=True)
class Forces:
    """What moves the embeddings of one clip."""

    name: str
    """Its letter."""
    kind: Literal["clip", "still"]
    cosine: float
    """Mean similarity of its positive pairs."""
    share: float
    """Of the loss, paid by its pairs."""
    pull: float
    """Norm of the gradient that comes through its positive similarities: what draws its frames together."""
    push: float
    """Norm of the gradient that comes through its negative similarities: what drives it from the others."""


def forces(detector: VideoDetector, batch: Batch) -> list[Forces]:
    """Per clip: how similar its frames are, its share of the loss, and the pull and the push on its embeddings.

    Pull and push are the two halves of one gradient: of the loss as a function of the positive similarities alone, and
    of the negative ones alone.
    """
    branch = branch_of(detector)
    with torch.no_grad():
        rows = branch.embed(c4_of(detector, batch))
    ledger = Ledger.of(rows, batch.labels, detector.config.contrast.temperature)
    pull, push = (_half(rows, batch.labels, ledger.temperature, half) for half in ("positive", "negative"))
    found, length = [], batch.clips.shape[1]
    for clip in range(len(batch.targets)):
        own = slice(clip * length, (clip + 1) * length)
        inside = ledger.positive[own]
        still = bool((batch.clips[clip] == batch.clips[clip, :1]).all())
        found.append(
            Forces(
                batch.names[clip * length][:-1],
                "still" if still else "clip",
                float(ledger.similarity[own][inside].mean()),
                float(ledger.paid[own].sum()),
                float(pull[own].norm()),
                float(push[own].norm()),
            )
        )
    return found


def _half(rows: Tensor, labels: Tensor, temperature: float, half: Literal["positive", "negative"]) -> Tensor:
    """(N, D) gradient of NT-Xent with the similarities of the other half held fixed."""
    z = rows.double().detach().requires_grad_()
    units = torch.nn.functional.normalize(z, dim=1)
    scaled = units @ units.T / temperature
    same = labels[:, None] == labels
    positive, negative = same & ~torch.eye(len(labels), dtype=torch.bool), ~same
    free = positive if half == "positive" else negative
    scaled = torch.where(free, scaled, scaled.detach())
    rest = scaled.masked_fill(~negative, -torch.inf).logsumexp(dim=1, keepdim=True)
    terms = torch.logaddexp(torch.zeros(()).double(), rest - scaled)[positive]
    return torch.autograd.grad(terms.mean(), z)[0]


def fewer_clips(detector: VideoDetector, batch: Batch) -> pd.DataFrame:
    """The first 1, 2, ... clips of a batch alone, as one process (GPU) with so many clips would see them.

    Columns: clips, frames, positive pairs, negatives per frame, chance, loss, and the norm of the gradient that the
    loss sends into C4.
    """
    branch, table = branch_of(detector), []
    for count in range(1, len(batch.targets) + 1):
        part = batch.take(count)
        c4 = c4_of(detector, part).requires_grad_()
        rows = branch.embed(c4)
        loss = branch.loss(rows, part.labels)
        gradient = torch.autograd.grad(loss, c4, allow_unused=True)[0]
        ledger = Ledger.of(rows.detach(), part.labels, detector.config.contrast.temperature)
        table.append({
            "clips": count,
            "frames": len(part),
            "positive pairs": int(ledger.positive.sum()),
            "negatives per frame": int(ledger.negative[0].sum()),
            "chance": round(ledger.chance, 3),
            "loss": round(loss.item(), 3),
            "gradient at C4": 0.0 if gradient is None else round(gradient.norm().item(), 4),
        })  # fmt: skip
    return pd.DataFrame(table).set_index("clips")
