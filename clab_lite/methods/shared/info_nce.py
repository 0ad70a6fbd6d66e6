"""InfoNCE: tell the one positive from many negatives (losses overview; golden kind `infonce.explicit`).

N queries, K negatives, D numbers per vector. Vectors are made unit length inside. Nothing is detached here: whoever
passes keys or a queue decides whether gradient may reach them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite.errors import DataError


def info_nce_logits(
    query: Tensor, positive: Tensor, negatives: Tensor, temperature: float, counts: Tensor | None = None
) -> Tensor:
    """Cosines divided by the temperature: (N, 1 + K), the positive's in column 0.

    Args:
        query: (N, D).
        positive: (N, D), row i belongs to query i.
        negatives: (K, D), shared by all queries.
        temperature: above 0.
        counts: (N, K) bool, False where a negative is not one of this query's; its logit is minus infinity.

    Raises:
        DataError: shapes that do not fit together, or a temperature that is not positive.
    """
    if query.shape != positive.shape or query.ndim != 2 or negatives.shape[1:] != query.shape[1:]:
        shapes = ", ".join(str(tuple(t.shape)) for t in (query, positive, negatives))
        raise DataError(f"InfoNCE: query, positive and negatives are {shapes}. They must be (N, D), (N, D), (K, D).")
    if not temperature > 0:
        raise DataError(f"InfoNCE: temperature is {temperature}. Choose a positive number, for example 0.2.")
    with torch.autocast(query.device.type, enabled=False):
        q, p, n = (normalize(wide(t), dim=1) for t in (query, positive, negatives))
        others = q @ n.T
        if counts is not None:
            others = others.masked_fill(~counts, float("-inf"))
        return torch.cat([(q * p).sum(dim=1, keepdim=True), others], dim=1) / temperature


def info_nce(
    query: Tensor, positive: Tensor, negatives: Tensor, temperature: float, counts: Tensor | None = None
) -> Tensor:
    """(N,) losses -log(exp(q.p / T) / (exp(q.p / T) + sum over negatives of exp(q.n / T))); arguments as above.

    By log-sum-exp in float32 (float64 stays float64): it neither overflows nor saturates at any temperature.
    Without negatives the loss is 0.
    """
    logits = info_nce_logits(query, positive, negatives, temperature, counts)
    return logits.logsumexp(dim=1) - logits[:, 0]


def top1(logits: Tensor) -> Tensor:
    """Share of queries whose positive beats every negative: logits (N, 1 + K) -> scalar in [0, 1], 0 for N = 0."""
    return (logits.argmax(dim=1) == 0).to(logits.dtype).sum() / max(len(logits), 1)


def batch_info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Scalar: row i of a (N, D) and of b (N, D) are positives, the other rows of the other side are its negatives.

    Both directions averaged: half of cross-entropy over the rows plus half over the columns of a b^T / T, with the
    diagonal as target (golden kind `codo.batch`). One direction is what pytorch-metric-learning's NT-Xent gives with
    reference embeddings; that one saturates at a gap of 87 between logits, log-sum-exp at none. One row alone has no
    negatives: 0, with zero gradient; so has no row.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise DataError(f"InfoNCE in a batch: sides are {tuple(a.shape)} and {tuple(b.shape)}. Both must be (N, D).")
    with torch.autocast(a.device.type, enabled=False):
        logits = normalize(wide(a), dim=1) @ normalize(wide(b), dim=1).T / temperature
        both = logits.logsumexp(dim=1) + logits.logsumexp(dim=0) - 2 * logits.diagonal()
        return both.sum() / (2 * max(len(a), 1))


def wide(values: Tensor) -> Tensor:
    """float32 at least: exp(1 / temperature) and sums of it need the digits."""
    return values if values.dtype == torch.float64 else values.float()
