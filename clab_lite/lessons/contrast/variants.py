"""Three losses that are easily confused, on the same vectors; and the same loss in half precision."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite.lessons.contrast.terms import on_circle
from clab_lite.show.style import BLUE, GREY, VERMILLION, heading, new_figure, quiet

Case = tuple[Tensor, Tensor]
"""Embeddings (N, D) and labels (N,)."""


def cases(seed: int = 0) -> dict[str, Case]:
    """Small batches in which the losses agree, and two in which they do not."""
    noise = torch.randn(12, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return {
        "2 + 2, perfect": (on_circle([0, 0, 90, 90]), torch.tensor([0, 0, 1, 1])),
        "3 + 1, perfect": (on_circle([0, 0, 0, 90]), torch.tensor([0, 0, 0, 1])),
        "3 + 3 + 3 + 3, random": (noise, torch.arange(4).repeat_interleave(3)),
        "6 + 3 + 3, random": (noise, torch.tensor([0] * 6 + [1] * 3 + [2] * 3)),
    }


def textbook(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Each positive against *every* other row, other positives included; mean over ordered pairs. Scalar."""
    unit = normalize(embeddings, dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool)
    logits = (unit @ unit.T / temperature).masked_fill(itself, -math.inf)
    positive = (labels[:, None] == labels[None]) & ~itself
    return (logits.logsumexp(dim=1, keepdim=True) - logits)[positive].mean()


def compare_losses(batches: Mapping[str, Case], temperature: float) -> pd.DataFrame:
    """One row per loss, one column per batch."""
    losses = {
        "NT-Xent, the library's": NTXentLoss(temperature),
        "textbook, all others": lambda e, y: textbook(e, y, temperature),
        "SupCon": SupConLoss(temperature),
    }
    table = {
        name: [round(float(loss(embeddings, labels)), 4) for loss in losses.values()]
        for name, (embeddings, labels) in batches.items()
    }
    return pd.DataFrame(table, index=list(losses))


def pair_in(dtype: torch.dtype, degrees: float, temperature: float) -> float:
    """The library's NT-Xent when each positive is `degrees` away and a negative lies on the anchor itself."""
    vectors, labels = on_circle([0, degrees, 0, degrees]).to(dtype), torch.tensor([0, 0, 1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(NTXentLoss(temperature)(vectors, labels))


def draw_half_precision(temperature: float = 0.1) -> tuple[Figure, str]:
    """The loss of ever worse positives in float32 and in float16: where the second goes flat, nothing is learned."""
    angles = np.linspace(0, 180, 31)
    full = np.array([pair_in(torch.float32, a, temperature) for a in angles])
    half = np.array([pair_in(torch.float16, a, temperature) for a in angles])
    figure, (axes,) = new_figure(9.2, 3.4)
    quiet(axes)
    axes.plot(angles, full, color=BLUE, linewidth=2.2, label="float32")
    axes.plot(angles, half, color=VERMILLION, linewidth=2.2, linestyle="--", label="float16")
    axes.set(xlim=(0, 180), ylim=(0, 1.1 * full.max()), xticks=range(0, 181, 30), ylabel="NT-Xent")
    axes.set_xlabel(
        "degrees between the two frames of a clip (a frame of another clip lies on top of each)",
        fontsize=10,
        color=GREY,
    )
    axes.legend(fontsize=10, frameon=False, loc="upper left")
    apart = np.flatnonzero(full - half > 0.5)
    if len(apart):
        heading(
            axes,
            f"float16 stops at {half.max():.1f}, from {angles[apart[0]]:.0f}° on; float32 goes on to {full.max():.1f}",
        )
    else:
        heading(axes, f"At τ = {temperature:g} float16 keeps up with float32")
    return figure, f"largest loss: float32 {full.max():.2f}, float16 {half.max():.2f}"
