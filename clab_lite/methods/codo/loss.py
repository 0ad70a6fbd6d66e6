"""The loss: an instance read in one view must find itself in another, on every level, for every pair of views.

V views, B instances, L levels, D numbers, K entries of a queue. Embeddings come raw; directions are compared.
Published: several levels, several views (CoDo's abstract); one term per level, negatives from a queue per level,
temperature 0.2, all weights 1 (InsLoc). Ours: the mean over ordered pairs of views, and negatives from the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from clab_lite.methods.shared.info_nce import batch_info_nce, info_nce

Pairs = Literal["all", "first_is_query"]
LevelLosses = Callable[[Tensor, Tensor], Tensor]
"""Queries (B, L, D), keys (B, L, D) -> the loss of each level (L,)."""


def queue_losses(queries: Tensor, keys: Tensor, queues: Tensor, temperature: float) -> Tensor:
    """InfoNCE of each level against the queue of that level.

    Args:
        queries, keys: (B, L, D); row b of both is the same instance.
        queues: (L, K, D), keys of other instances.
        temperature: of the softmax.

    Returns:
        (L,), each the mean over the batch. Golden `codo.levels` (equal to InsLoc's official forward).
    """
    losses = [
        info_nce(queries[:, level], keys[:, level], queues[level], temperature).mean()
        for level in range(queries.shape[1])
    ]
    return torch.stack(losses)


def batch_losses(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """The other instances of the batch are the negatives, in both directions: (L,). Golden `codo.batch`."""
    losses = [batch_info_nce(queries[:, level], keys[:, level], temperature) for level in range(queries.shape[1])]
    return torch.stack(losses)


def pair_losses(queries: Tensor, keys: Tensor, level_losses: LevelLosses, pairs: Pairs) -> Tensor:
    """The loss of every ordered pair of views that counts.

    Args:
        queries, keys: (V, B, L, D); with `first_is_query` the queries may be those of the first view alone, and the
            keys of the first view are not looked at.
        level_losses: `queue_losses` or `batch_losses` with all but the first two arguments given.
        pairs: all: every view is a query and every other view its key. first_is_query: only the first is a query.

    Returns:
        (V, V, L): query view, key view, level. 0 where a pair does not count, as on the diagonal.
    """
    views, levels = keys.shape[0], keys.shape[2]
    asking = range(views) if pairs == "all" else range(1)
    zero = keys.new_zeros(levels)
    rows = [
        torch.stack([level_losses(queries[u], keys[v]) if u in asking and u != v else zero for v in range(views)])
        for u in range(views)
    ]
    return torch.stack(rows)


def mean_over_pairs(losses: Tensor, pairs: Pairs) -> Tensor:
    """Pairs (V, V, L) -> the mean over those that count, per level (L,); 0 for one view. Golden `codo.views`."""
    views = losses.shape[0]
    count = views * (views - 1) if pairs == "all" else views - 1
    return losses.sum(dim=(0, 1)) / max(count, 1)
