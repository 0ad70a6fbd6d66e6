"""NT-Xent taken apart: the loss of every pair of positives, and the shares it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, softplus

from clab_lite.errors import DataError


def on_circle(degrees: Sequence[float]) -> Tensor:
    """Vectors of length 1 in the plane, (N, 2) float64, at these angles (counter-clockwise from the right)."""
    angles = torch.deg2rad(torch.tensor(list(degrees), dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


@dataclass(frozen=True)
class Pairs:
    """Every ordered pair of positives (P of them) of one batch of N rows, and what NT-Xent makes of each."""

    anchors: Tensor
    """(P,) row of the anchor."""
    positives: Tensor
    """(P,) row of its positive."""
    losses: Tensor
    """(P,) -ln of the positive's share."""
    negatives: int
    """Rows of other labels, counted for the anchor that has the fewest."""

    @property
    def shares(self) -> Tensor:
        """(P,) the positive's share of the denominator, in (0, 1]."""
        return torch.exp(-self.losses)

    @property
    def mean(self) -> Tensor:
        """NT-Xent: the mean over pairs; 0 when there is no pair."""
        return self.losses.mean() if len(self.losses) else self.losses.sum()


def pairs_of(embeddings: Tensor, labels: Tensor, temperature: float) -> Pairs:
    """The terms of NT-Xent as pytorch-metric-learning averages them (golden `losses`).

    -ln(e^p / (e^p + sum of e^n)) is softplus(ln(sum of e^n) - p): no exponential is ever taken alone, so none
    overflows. Without negatives the inner logarithm is minus infinity and the loss exactly 0.

    Args:
        embeddings: (N, D), of any length; only directions count.
        labels: (N,) equal for positives.
        temperature: τ, above 0.

    Raises:
        DataError: the temperature is not positive, or the two do not have the same rows.
    """
    if not temperature > 0:
        raise DataError(f"temperature is {temperature:g}. Give a number above 0.")
    if len(embeddings) != len(labels):
        raise DataError(f"{len(embeddings)} embeddings have {len(labels)} labels. Give one label for each row.")
    unit = normalize(embeddings, dim=1)
    logits = unit @ unit.T / temperature
    same = labels[:, None] == labels[None]
    crowd = torch.where(same, -math.inf, logits).logsumexp(dim=1)
    anchors, positives = (same & ~torch.eye(len(labels), dtype=torch.bool)).nonzero(as_tuple=True)
    losses = softplus(crowd[anchors] - logits[anchors, positives])
    fewest = int((~same).sum(dim=1).min()) if len(labels) else 0
    return Pairs(anchors, positives, losses, fewest)


def nt_xent(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean over `pairs_of`: scalar, with gradient. Equal to `NTXentLoss(temperature)(embeddings, labels)`."""
    return pairs_of(embeddings, labels, temperature).mean


def pull_alone(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """NT-Xent's numerator alone, as a loss: mean of (1 - cosine) / τ over pairs of positives; scalar.

    -ln e^(s/τ) is -s/τ; the 1 only makes its smallest value 0. No negative takes part.
    """
    unit = normalize(embeddings, dim=1)
    same = (labels[:, None] == labels[None]) & ~torch.eye(len(labels), dtype=torch.bool)
    return (1 - (unit @ unit.T)[same]).mean() / temperature
