"""What an embedding of crops is worth: nearest class mean, unknown classes told apart, and the rank ladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.methods.ranked.loss import Ranks
from clab_lite.metrics.roc import auroc, roc_curve


def class_means(embeddings: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Unit vectors (classes, D): the mean of each class's normalised embeddings (N, D), normalised again.

    A class without an embedding has the zero vector: its cosine to everything is 0.
    """
    sums = embeddings.new_zeros(classes, embeddings.shape[1])
    return F.normalize(sums.index_add(0, labels, F.normalize(embeddings, dim=1)), dim=1)


def cosines(embeddings: Tensor, means: Tensor) -> Tensor:
    """Cosines (N, classes) of embeddings (N, D) to class means (classes, D)."""
    return F.normalize(embeddings, dim=1) @ means.T


def known_score(similarity: Tensor) -> Tensor:
    """How well known crops look, (N,): the largest softmax probability of their cosines (N, classes), temperature 1."""
    return similarity.softmax(dim=1).amax(dim=1)


def ladder(similarity: Tensor, labels: Tensor, rank: Tensor, count: int) -> NDArray[np.float64]:
    """Mean cosine of crops to their own class, to each similar rank, and to the rest: (count + 1,).

    A crop counts once per rank, with the mean over the classes that it has there. NaN for a rank that nobody has.

    Args:
        similarity: (N, C) cosines to the class means.
        labels: (N,).
        rank: (C, C) as in `Ranks.of`: 0 own, 1 ... count - 1 similar, count the rest.
        count: number of ranks.
    """
    steps = []
    for number in range(count + 1):
        there = rank[labels] == number
        sizes = there.sum(dim=1)
        means = (similarity * there).sum(dim=1)[sizes > 0] / sizes[sizes > 0]
        steps.append(float(means.mean()) if len(means) else float("nan"))
    return np.array(steps)


@dataclass(frozen=True)
class CropScores:
    """The measured numbers of one model."""

    accuracy: float
    """Of the nearest class mean, in [0, 1]."""
    near_auroc: float
    """Known classes against withheld ones."""
    far_auroc: float
    """Known classes against crops without an object."""
    near_cosine_auroc: float
    far_cosine_auroc: float
    """The same with the largest cosine as the score, which close class means need not share as they share a softmax."""
    ladder: NDArray[np.float64]
    """(ranks + 1,) mean cosines: own class, similar ranks, rest."""
    near_curve: tuple[NDArray[np.float64], NDArray[np.float64]]
    far_curve: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Points of the two ROC curves: false and true positive rates."""


def score(means: Tensor, known: Tensor, labels: Tensor, near: Tensor, far: Tensor, ranks: Ranks) -> CropScores:
    """Judge embeddings of test crops by class means (C, D).

    Args:
        means: `class_means` of the training crops.
        known: (N, D) of the known classes, with labels (N,).
        near: (M, D) of withheld classes; may be empty.
        far: (B, D) of backgrounds; may be empty.
        ranks: of the ladder, whatever the model was trained with.
    """
    similarity = cosines(known, means)
    right = similarity.argmax(dim=1) == labels
    similar = [similarity, cosines(near, means), cosines(far, means)]
    scores = [known_score(found).double().numpy() for found in similar]
    largest = [found.amax(dim=1).double().numpy() for found in similar]
    return CropScores(
        accuracy=float(right.double().mean()) if len(right) else float("nan"),
        near_auroc=auroc(scores[0], scores[1]),
        far_auroc=auroc(scores[0], scores[2]),
        near_cosine_auroc=auroc(largest[0], largest[1]),
        far_cosine_auroc=auroc(largest[0], largest[2]),
        ladder=ladder(similarity, labels, ranks.of, ranks.count),
        near_curve=roc_curve(scores[0], scores[1]),
        far_curve=roc_curve(scores[0], scores[2]),
    )


def released_curve(
    inside: NDArray[np.float64], outside: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The released code's curve: false and true positive rates at the fixed thresholds 0, 0.01, ... 0.24.

    With few classes every score is above all thresholds, all points are (1, 1) and the area is 0: not an AUROC.
    """
    thresholds = np.arange(25) / 100
    true = np.array([(inside > threshold).mean() for threshold in thresholds])
    false = np.array([(outside > threshold).mean() for threshold in thresholds])
    return false, true


@torch.no_grad()
def embed_all(model: torch.nn.Module, images: Tensor, batch: int = 256) -> Tensor:
    """Embeddings (N, D) on the CPU of prepared crops (N, 3, S, S), in eval mode: batches do not matter (unlike in the
    released code, where they do). The model is given back in its own mode.
    """
    was, device = model.training, next(model.parameters()).device
    model.eval()
    try:
        parts = [model.embed(part.to(device)).float().cpu() for part in images.split(batch)]  # type: ignore[operator]
    finally:
        model.train(was)
    return torch.cat(parts)
