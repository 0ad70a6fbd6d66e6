"""The ranked loss without a network: one free vector per class, moved by gradient descent. Milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.ranked.measure import ladder
from clab_lite.methods.ranked.ranking import Ranking

STEPS = 100
_DIM = 8
_RATE = 0.05
LADDER_RANKS = 3


@dataclass(frozen=True)
class Climb:
    """Where the vectors of C classes went."""

    names: tuple[str, ...]
    cosines: NDArray[np.float64]
    """(C, C) at the end."""
    ladder: NDArray[np.float64]
    """(4,) own class, rank 2, rank 3, rest of the lists, at the end; NaN: nobody."""
    losses: NDArray[np.float64]
    """(steps,)"""


def climb(lists: Mapping[str, Sequence[str]], ranks: int = LADDER_RANKS, steps: int = STEPS, seed: int = 0) -> Climb:
    """Move one vector per class by the ranked loss (variant in; of one vector per class, out is the same).

    The keys and the bank are the vectors themselves, without gradient. The ladder is always measured with three ranks.

    Args:
        lists: class -> similar classes, most similar first; its keys are the classes.
        ranks: r of the training; 1 does not look at the lists.
        steps: of Adam.
        seed: of the start.
    """
    ranking = Ranking(tuple(lists), dict(lists))
    used = tuple((name, tuple(listed) if ranks > 1 else ()) for name, listed in lists.items())
    vectors, losses = _moved(used, ranks, steps, seed)
    measured = Ranks.of_similarity(ranking.similarity(LADDER_RANKS), LADDER_RANKS, 0.1, 0.6)
    cosines = vectors @ vectors.T
    steps_down = ladder(cosines, torch.arange(len(lists)), measured.of, measured.count)
    return Climb(ranking.class_names, cosines.double().numpy(), steps_down, losses)


@lru_cache(maxsize=64)
def _moved(
    lists: tuple[tuple[str, tuple[str, ...]], ...], ranks: int, steps: int, seed: int
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Unit vectors (C, D) after the descent, and the loss before each step."""
    ranking = Ranking(tuple(name for name, _ in lists), dict(lists))
    trained = Ranks.of_similarity(ranking.similarity(ranks), ranks, 0.1, 0.6)
    labels = torch.arange(len(lists))
    start = torch.randn(len(lists), _DIM, generator=torch.Generator().manual_seed(seed))
    vectors = F.normalize(start, dim=1).requires_grad_()
    optimizer = torch.optim.Adam([vectors], lr=_RATE)
    losses = []
    for _ in range(steps):
        held = vectors.detach()
        loss = ranked_loss(vectors, held, held, labels, labels, trained).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return F.normalize(vectors.detach(), dim=1), np.array(losses)
