"""The wrong versions that people write of this lesson's exercises, each with what to tell them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from clab_lite.lessons.grading import Mistake
from clab_lite.metrics.roc import auroc


def in_term(
    cosines: Sequence[float],
    ranks: Sequence[int],
    number: int,
    temperature: float,
    *,
    below: Callable[[int, int], bool] = lambda rank, number: rank >= number,
) -> float:
    """−ln of the share of the members of rank `number`; below: which ranks stand in the denominator."""
    terms = [(math.exp(c / temperature), r) for c, r in zip(cosines, ranks, strict=True)]
    members = sum(term for term, rank in terms if rank == number)
    return -math.log(members / sum(term for term, rank in terms if below(rank, number)))


def out_term(cosines: Sequence[float], ranks: Sequence[int], number: int, temperature: float) -> float:
    """The variant out: the mean over the members, each alone against the lower ranks."""
    terms = [(math.exp(c / temperature), r) for c, r in zip(cosines, ranks, strict=True)]
    rest = sum(term for term, rank in terms if rank > number)
    return float(np.mean([-math.log(term / (term + rest)) for term, rank in terms if rank == number]))


TEMPERATURE = (
    Mistake(
        lambda s, low, high: low + s * (high - low),
        "The other way round: a similarity of 1 (the own class) has the lowest temperature, the hardest contrast.",
    ),
    Mistake(
        lambda s, *_: 1 - s,
        "That runs from 0 to 1. It must run from the lowest temperature to the highest.",
    ),
    Mistake(
        lambda s, low, high: (1 - s) * (high - low),
        "The lowest temperature is missing: at similarity 1 you get 0, and a division by zero later.",
    ),
    Mistake(
        lambda s, low, high: low + (1 - s) * high,
        "At similarity 0 you get more than the highest temperature: multiply by the difference of the two.",
    ),
)

IN_TERM = (
    Mistake(
        lambda c, r, i, t: in_term(c, r, i, t, below=lambda *_: True),
        "Higher ranks stand in the denominator: the term would push the own class away while it pulls a similar one. "
        "They are left out.",
    ),
    Mistake(
        lambda c, r, i, t: in_term(c, r, i, t, below=lambda rank, number: rank > number),
        "The members are missing from the denominator: a share has its own part below the line, too.",
    ),
    Mistake(
        out_term,
        "That is the variant out: a logarithm for each member. In the variant in, the members are added up first.",
    ),
    Mistake(
        lambda c, r, i, _: in_term(c, r, i, 1.0),
        "The temperature is forgotten: divide each cosine by it before the exponential.",
    ),
    Mistake(
        lambda c, r, i, t: -in_term(c, r, i, t),
        "The sign: the logarithm of a share is negative, the loss is minus it.",
    ),
)

AUROC = (
    Mistake(
        lambda inside, outside: auroc(outside, inside),
        "The other way round: count how often the known crop has the higher score.",
    ),
    Mistake(
        lambda inside, outside: float(np.mean([[a > b for b in outside] for a in inside])),
        "Equal scores count as a half, not as nothing: a score that is the same for all must give 0.5.",
    ),
    Mistake(
        lambda inside, outside: float(np.mean([[a >= b for b in outside] for a in inside])),
        "Equal scores count as a half, not as a whole: a score that is the same for all must give 0.5.",
    ),
    Mistake(
        lambda inside, outside: float(np.mean([*(a > 0.5 for a in inside), *(b <= 0.5 for b in outside)])),
        "That is an accuracy at one threshold. AUROC has none: it compares every known crop with every unknown one.",
    ),
)
