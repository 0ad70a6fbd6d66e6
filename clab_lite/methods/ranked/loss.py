"""The ranked contrastive loss: own class above all, then similar classes above the rest (specification, section 3).

Letters: N anchors, K bank entries, D dimensions, r ranks. Rank 0 is the own class, rank i the i-th most similar group
of classes; everything else has rank r. Term i pulls rank i against all ranks > i; ranks < i are left out of it. Each
term has its own temperature, softer (higher) for the less similar. Goldens `ranked.loss`, `ranked.tau`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from clab_lite.methods.shared.info_nce import wide

Variant = Literal["in", "out", "out-in"]
"""Where the sum over a rank's members stands: in the logarithm (one close member is enough), outside of it (every
member is pulled), or outside for the own class and inside for all others."""
Reduction = Literal["mean", "sum"]


def rank_temperature(similarity: float, lowest: float, highest: float) -> float:
    """Temperature of a rank of that similarity in [0, 1]: `lowest` at 1, rising linearly to `highest` at 0."""
    return lowest + (1 - similarity) * (highest - lowest)


@dataclass(frozen=True)
class Ranks:
    """The ranks between C classes, ready for the loss."""

    of: Tensor
    """(C, C) int64, row = the anchor's class: 0 own, 1 ... r - 1 similar, r unrelated."""
    temperatures: Tensor
    """(C, r), of the term of each rank; where a class has fewer ranks the value is never used."""

    @property
    def count(self) -> int:
        """r, the largest number of ranks that a class may have."""
        return self.temperatures.shape[1]

    @classmethod
    def of_similarity(cls, similarity: Tensor, count: int, lowest: float, highest: float) -> Ranks:
        """Ranks from similarities (C, C) with 1 on the diagonal: a row's distinct positive values, highest first.

        Equal similarities share a rank. What comes after the first `count` values is unrelated.
        """
        of = torch.full(similarity.shape, count, dtype=torch.int64)
        temperatures = torch.full((len(similarity), count), highest, dtype=similarity.dtype)
        for label, row in enumerate(similarity):
            values = sorted({value for value in row.tolist() if value > 0}, reverse=True)
            for rank, value in enumerate(values[:count]):
                of[label, row == value] = rank
                temperatures[label, rank] = rank_temperature(value, lowest, highest)
        return cls(of, temperatures)

    def to(self, like: Tensor) -> Ranks:
        """On the device of a tensor and with its floating point type."""
        return Ranks(self.of.to(like.device), self.temperatures.to(like))

    def between(self, labels: Tensor, others: Tensor) -> Tensor:
        """(N, K) rank of each of `others` (K,) for each of `labels` (N,); label -1 in `others` is unrelated to all."""
        ranks = self.of[labels][:, others.clamp(min=0)]
        return torch.where(others >= 0, ranks, self.count)


@dataclass(frozen=True)
class RankedTerms:
    """The loss and its parts."""

    per_rank: Tensor
    """(r,) unweighted terms; 0 where the batch has nothing of that rank."""
    counts: tuple[int, ...]
    """How many anchors (in) or pairs of anchor and member (out) each term averages."""
    total: Tensor
    """Scalar: their sum, or their mean over the ranks that occur."""


def ranked_loss(
    anchor: Tensor,
    key: Tensor,
    bank: Tensor,
    labels: Tensor,
    bank_labels: Tensor,
    ranks: Ranks,
    variant: Variant = "in",
    reduction: Reduction = "mean",
) -> RankedTerms:
    """The loss of anchors (N, D) with their own keys (N, D) and the bank (K, D), lengths are taken away here.

    Only the anchors get a gradient. The own key has rank 0; other keys of the batch are not looked at.

    Args:
        labels: (N,) classes of the anchors.
        bank_labels: (K,) classes of the bank; -1 is an empty place, a negative for everybody.
    """
    cosines = cosines_to(anchor, key, bank)
    ranks = ranks.to(cosines)
    rank = torch.cat([labels.new_zeros(len(labels), 1), ranks.between(labels, bank_labels)], dim=1)
    terms = rank_terms(cosines, rank, ranks.temperatures[labels], variant)
    per_rank = torch.stack([term.mean() if len(term) else cosines.sum() * 0 for term in terms])
    counts = tuple(len(term) for term in terms)
    total = per_rank.sum()
    if reduction == "mean":
        total = total / max(sum(count > 0 for count in counts), 1)
    return RankedTerms(per_rank, counts, total)


def rank_terms(cosines: Tensor, rank: Tensor, temperatures: Tensor, variant: Variant) -> list[Tensor]:
    """The terms of each rank before their mean, from cosines alone.

    Args:
        cosines: (N, M) of N anchors to whatever they meet.
        rank: (N, M) of what they meet, 0 ... r - 1; r and more is unrelated.
        temperatures: (N, r).
        variant: in, out, or out-in.

    Returns:
        r tensors: a value per anchor that has such a member, or (outside) per pair of an anchor and a member.
    """
    terms = []
    for number in range(temperatures.shape[1]):
        logits = cosines / temperatures[:, number, None]
        outside = variant == "out" or (variant == "out-in" and number == 0)
        terms.append((_each_member if outside else _any_member)(logits, rank == number, rank > number))
    return terms


def cosines_to(anchor: Tensor, key: Tensor, bank: Tensor) -> Tensor:
    """Cosines (N, 1 + K) of each anchor to its own key (column 0) and to the bank; never in less than float32."""
    with torch.autocast(anchor.device.type, enabled=False):  # a product in bfloat16 is off by 0.03 at temperature 0.1
        anchor, key, bank = (F.normalize(wide(vectors), dim=1) for vectors in (anchor, key.detach(), bank.detach()))
        return torch.cat([(anchor * key).sum(dim=1, keepdim=True), anchor @ bank.T], dim=1)


def _any_member(logits: Tensor, members: Tensor, below: Tensor) -> Tensor:
    """-log(sum over members / sum over members and lower ranks), for the n anchors that have members: (n,)."""
    has = members.any(dim=1)
    logits, members, below = logits[has], members[has], below[has]
    return _log_sum(logits, members | below) - _log_sum(logits, members)


def _each_member(logits: Tensor, members: Tensor, below: Tensor) -> Tensor:
    """-log(member / (member + sum over lower ranks)), one value per pair of an anchor and a member: (pairs,).

    The other members are not in the denominator. Written as log(1 + e^(log sum - logit)).
    """
    gaps = (_log_sum(logits, below)[:, None] - logits)[members]
    return torch.logaddexp(torch.zeros_like(gaps), gaps)  # softplus is only linear beyond a threshold


def _log_sum(logits: Tensor, where: Tensor) -> Tensor:
    """log of the sum of e^logit over the places of a row that are True; -inf for none. (N, M) -> (N,)."""
    return logits.masked_fill(~where, -torch.inf).logsumexp(dim=1)
