"""The three exercises' checkers: they name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clab_lite.lessons.exercises import Verdict, checker
from clab_lite.lessons.grading import grade
from clab_lite.lessons.ranked import mistakes
from clab_lite.methods.ranked.loss import rank_temperature
from clab_lite.metrics.roc import auroc as right_auroc

_SIMILARITIES = [(1.0, 0.1, 0.6), (0.75, 0.1, 0.6), (0.5, 0.2, 0.4), (0.0, 0.1, 0.6)]
_ANCHORS = [
    ([0.9, 0.4, 0.7, 0.1, -0.5], [0, 0, 1, 2, 3], 0, 0.1),
    ([0.9, 0.4, 0.7, 0.1, -0.5], [0, 0, 1, 2, 3], 1, 0.3),
    ([0.9, 0.4, 0.7, 0.6, -0.5, 0.3], [0, 0, 1, 1, 3, 3], 1, 0.5),
    ([0.2, 0.8, -0.3, 0.5], [2, 0, 2, 3], 2, 0.4),
]
_SCORES = [
    ([0.9, 0.8, 0.4], [0.5, 0.3]),
    ([0.6, 0.6], [0.6, 0.2, 0.9]),
    ([0.1, 0.2], [0.7, 0.8]),
    ([0.3, 0.3], [0.3]),
]


@checker
def temperature(answer: Callable[[float, float, float], Any]) -> Verdict:
    """The learner's temperature(similarity, lowest, highest)."""
    praise = "τ rises from the lowest value (own class) to the highest (similarity 0): softer for the less similar."
    return grade(answer, rank_temperature, _SIMILARITIES, mistakes.TEMPERATURE, praise)


@checker
def in_term(answer: Callable[[Sequence[float], Sequence[int], int, float], Any]) -> Verdict:
    """The learner's in_term(cosines, ranks, number, temperature): the term of one rank for one anchor."""
    praise = (
        "the members of the rank together, against themselves and everything less similar; what is more similar is "
        "neither pulled nor pushed."
    )
    return grade(answer, mistakes.in_term, _ANCHORS, mistakes.IN_TERM, praise)


@checker
def auroc(answer: Callable[[Sequence[float], Sequence[float]], Any]) -> Verdict:
    """The learner's auroc(inside, outside)."""
    praise = "the share of pairs in the right order, ties a half. No threshold had to be chosen."
    return grade(answer, right_auroc, _SCORES, mistakes.AUROC, praise)
