"""The loss as the released code computes it, for comparison (specification, section 7). `loss.py` is the one to use.

What differs, with the number of the quirk:
2. more than two ranks never happen: the second term pulls the union of all selected classes, the own one too;
4. what has a probability of 1e-7 or less is left out before the mean, so the hardest positives are not learnt from;
5. a list that is shorter than the longest of the batch is filled with the first other classes of the dataset, and they
   become positives (of anchors that have a similar class; the others are left out of the second term);
6. thresholds are looked up by column and ranks by score, so a batch without a similar class stops with an error;
and the mean is taken over all terms, empty ones included. Goldens `ranked.released`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.methods.ranked.loss import RankedTerms, Variant, cosines_to, rank_temperature
from clab_lite.methods.ranked.ranking import Ranking

LEAST_PROBABILITY = 1e-7
THRESHOLD = 0.5
"""A column of the ordering counts when some anchor of the batch has a similarity of at least this in it."""


def released_loss(
    anchor: Tensor,
    key: Tensor,
    bank: Tensor,
    labels: Tensor,
    bank_labels: Tensor,
    ranking: Ranking,
    selected: int,
    variant: Variant = "in",
    lowest: float = 0.1,
    highest: float = 0.6,
) -> RankedTerms:
    """As `ranked_loss`, from the user's ranking, whose listed classes all count as 0.75 similar.

    Args:
        selected: the released option n_sim_classes (1, 3 or 5): so many classes of the full order are looked at.

    Raises:
        DataError: no anchor of the batch has a similar class, though `selected` asks for some.
    """
    similarity = replace(ranking, scores={}, released_scores=True).similarity(selected).to(anchor)
    order = ranking.order().to(labels.device)[labels][:, :selected]
    scores = similarity[labels[:, None], order]
    columns = int((scores >= THRESHOLD).any(dim=0).sum())
    if columns == 1 and scores.shape[1] > 1:
        raise DataError(
            f"the released loss ends with an index error here: none of the batch's classes {labels.unique().tolist()} "
            "has a similar one. Use semantics='clean', or batches with other classes."
        )
    cosines = cosines_to(anchor, key, bank)
    own = torch.cat([torch.ones_like(labels, dtype=torch.bool)[:, None], labels[:, None] == bank_labels], dim=1)
    terms = [_term(cosines / lowest, own, inside=variant == "in")]
    if columns > 1:
        has = scores[:, 1] >= THRESHOLD
        union = (bank_labels[None, :, None] == order[has, None, :columns]).any(dim=2)
        temperature = rank_temperature(float(scores[scores < 1].max()), lowest, highest)
        # The own key is in neither part of the second term.
        terms.append(_term(cosines[has, 1:] / temperature, union, inside=variant != "out"))
    per_rank = torch.stack([term.mean() if len(term) else cosines.sum() * 0 for term in terms])
    return RankedTerms(per_rank, tuple(len(term) for term in terms), per_rank.mean())


def _term(logits: Tensor, members: Tensor, inside: bool) -> Tensor:
    """-log of the probabilities above the filter: of each anchor's members together, or of each of them alone."""
    if not logits.numel():
        return logits.flatten()
    weights = (logits - logits.detach().amax(dim=1, keepdim=True)).exp()
    if inside:
        probability = (weights * members).sum(dim=1) / weights.sum(dim=1)
    else:
        below = (weights * ~members).sum(dim=1, keepdim=True)
        probability = (weights / (weights + below))[members]
    return -probability[probability > LEAST_PROBABILITY].log()
