"""The wrong versions that people write of this lesson's exercises, each with what to tell them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite.lessons.contrast.counting import Batch
from clab_lite.lessons.contrast.variants import textbook
from clab_lite.lessons.grading import Mistake


def _variant(
    embeddings: Tensor,
    labels: Tensor,
    temperature: float,
    *,
    unit: bool = True,
    anchor_below: bool = False,
    positives_below: bool = False,
    positive_below: bool = True,
) -> Tensor:
    """Minus the logarithm of each pair's ratio, (P,), with something wrong in it.

    unit: rows are normalised. anchor_below, positives_below, positive_below: the anchor, the other positives and the
    positive itself stand in the denominator.
    """
    rows = normalize(embeddings, dim=1) if unit else embeddings
    terms = torch.exp(rows @ rows.T / temperature)
    itself = torch.eye(len(labels), dtype=torch.bool)
    positive = (labels[:, None] == labels[None]) & ~itself
    below = (terms * ~(positive | itself)).sum(dim=1, keepdim=True)
    if anchor_below:
        below = below + terms.diagonal()[:, None]
    if positives_below:
        below = below + (terms * positive).sum(dim=1, keepdim=True)
    elif positive_below:
        below = below + terms
    return -torch.log(terms / below)[positive]


LOSS = (
    Mistake(
        lambda e, y, t: _variant(e, y, t, anchor_below=True).mean(),
        "The anchor is counted as its own negative: its cosine with itself is 1, the largest term of all. "
        "Leave the diagonal out.",
    ),
    Mistake(
        textbook,
        "The other positives stand in the denominator. That is SupCon's denominator; NT-Xent here has one positive "
        "and the negatives there.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, t, anchor_below=True, positives_below=True).mean(),
        "The denominator is the sum over the whole row, with the anchor itself and its other positives. Only the "
        "positive at hand and the rows of other labels belong there.",
    ),
    Mistake(
        lambda e, y, _: _variant(e, y, 1.0).mean(),
        "The temperature is forgotten: divide every cosine by it before the exponential.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, 1 / t).mean(),
        "You multiply by the temperature. Divide the cosines by it: a small temperature makes large numbers.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, t, unit=False).mean(),
        "The rows are not normalised: these are dot products, not cosines. Divide each row by its length first.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, t).sum(),
        "You add the pairs up. Take their mean, or a larger batch has a larger loss.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, t, positive_below=False).mean(),
        "The positive is missing in the denominator: the ratio is then no share, and the loss can fall below 0.",
    ),
    Mistake(
        lambda e, y, t: -_variant(e, y, t).mean(),
        "The sign is turned round: the logarithm of a share is negative, and the loss is minus that.",
    ),
    Mistake(
        lambda e, y, t: _variant(e, y, t).mean() / math.log(2),
        "That is the logarithm to base 2. Take the natural one (torch.log).",
    ),
)


def _negatives(clips: int, gpus: int, references: int) -> int:
    return Batch(clips, gpus, references).negatives


def _rows(clips: int, gpus: int, references: int) -> int:
    return Batch(clips, gpus, references).anchors


# c: clips per GPU, g: GPUs, r: references
NEGATIVES = (
    Mistake(
        lambda c, _, r: (c - 1) * (r + 1),
        "You count one GPU only. The embeddings of all GPUs are gathered before the loss: count their clips too.",
    ),
    Mistake(
        lambda c, g, r: (c - 1) * g * (r + 1),
        "You leave out one clip on every GPU. Only one clip is the anchor's own; all the others are negatives.",
    ),
    Mistake(
        lambda c, g, _: c * g - 1,
        "You count clips. The rows of the loss are frames: each other clip brings all its frames.",
    ),
    Mistake(
        lambda c, g, r: (c * g - 1) * r,
        "You count the references only. A clip's key frame is a row too: references + 1 frames.",
    ),
    Mistake(
        lambda c, g, r: _rows(c, g, r) - 1,
        "You leave out the anchor alone. The other frames of its clip are positives, not negatives.",
    ),
    Mistake(_rows, "These are all rows. The anchor's own clip is no negative: leave its frames out."),
)

CHANCE = (
    Mistake(
        lambda c, g, r: math.log(_negatives(c, g, r)),
        "The positive stands in the denominator too: 1 + negatives terms.",
    ),
    Mistake(
        lambda c, g, r: math.log(_rows(c, g, r)),
        "You take all rows. The anchor and its other positives are not in the denominator: 1 + negatives terms.",
    ),
    Mistake(
        lambda c, g, r: math.log(_rows(c, g, r) - 1),
        "You take all other rows. The anchor's other positives are not in the denominator: 1 + negatives terms.",
    ),
    Mistake(
        lambda c, g, r: 1 / (1 + _negatives(c, g, r)),
        "That is the positive's share at chance. The loss is minus the logarithm of it.",
    ),
    Mistake(
        lambda c, g, r: math.log2(1 + _negatives(c, g, r)),
        "That is the logarithm to base 2. The loss uses the natural one (math.log).",
    ),
    Mistake(
        lambda c, g, r: math.log10(1 + _negatives(c, g, r)),
        "That is the logarithm to base 10. The loss uses the natural one (math.log).",
    ),
    Mistake(
        lambda c, g, r: -math.log(1 + _negatives(c, g, r)),
        "The sign is turned round: the loss at chance is positive.",
    ),
    Mistake(
        lambda c, _, r: math.log(1 + _negatives(c, 1, r)),
        "You count the negatives of one GPU. The embeddings of all GPUs are gathered: count their clips too.",
    ),
)
