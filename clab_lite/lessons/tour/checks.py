"""Checkers of lesson 00."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.tour.judged import JudgedVideos

_SCORES = np.array([0.91, 0.50, 0.42, 0.08])
_CASES = ((6, 2, 4), (3, 0, 0), (1, 9, 1))
"""(right, wrong, missed)."""


@checker
def kept(answer: Callable[[Any, float], Any]) -> Verdict:
    """Exercise 1: `answer(scores, threshold)` -> how many boxes stay."""
    given = answer(_SCORES, 0.5)
    if given is None:
        return unanswered()
    shown = np.asarray(given)
    if shown.dtype == bool and shown.shape == _SCORES.shape:
        return wrong("you returned one True or False for each box. Count the True ones: what is asked for is a number.")
    if shown.shape != ():
        return wrong(f"you returned {given!r}; what is asked for is one number, how many boxes stay.")
    if int(shown) == 1:
        return wrong("a box whose score equals the threshold stays, too: use >= instead of >.")
    if int(shown) == int((_SCORES < 0.5).sum()) and int(answer(_SCORES, 0.9)) == 3:
        return wrong("you counted the boxes below the threshold. Those are the ones that go.")
    for threshold in (0.0, 0.1, 0.5, 0.95):
        expected = int((threshold <= _SCORES).sum())
        if int(answer(_SCORES, threshold)) != expected:
            return wrong(f"of the scores {_SCORES.tolist()}, {expected} are at least {threshold}; you count otherwise.")
    return correct("a threshold is a counting rule. It changes no score.")


@checker
def precision_recall(answer: Callable[[int, int, int], Any]) -> Verdict:
    """Exercise 2: `answer(right, wrong, missed)` -> (precision, recall)."""
    if answer(*_CASES[0]) is None:
        return unanswered()
    for good, bad, missed in _CASES:
        given = answer(good, bad, missed)
        if not isinstance(given, tuple | list) or len(given) != 2:
            return wrong(f"you returned {given!r}; return two numbers: precision, recall.")
        expected = (good / (good + bad), good / (good + missed))
        if np.allclose(given, expected):
            continue
        case = f"with {good} right, {bad} wrong, {missed} missed"
        if np.allclose(given, expected[::-1]):
            return wrong(f"{case} your two numbers are swapped: precision comes first.")
        whole = good + bad + missed
        if any(np.isclose(number, good / whole) for number in given):
            return wrong(f"{case} you divided by {whole}. A missed object is no box, and a wrong box is no object.")
        name, value = ("precision", expected[0]) if not np.isclose(given[0], expected[0]) else ("recall", expected[1])
        return wrong(f"{case} {name} is {value:.2f}, not {float(given[0 if name == 'precision' else 1]):.2f}.")
    return correct("precision looks at the boxes, recall at the objects.")


def threshold(answer: float | None, judged: JudgedVideos, precision: float = 0.9) -> Verdict:
    """Exercise 3: the threshold with the largest recall at which the precision is at least `precision`."""
    if answer is None or answer is ...:
        return unanswered()
    if not 0 <= answer <= 1:
        return wrong(f"{answer} is no score: scores go from 0 to 1.")
    counts = judged.counts(answer)
    if counts.precision < precision:
        return wrong(
            f"at {answer} the precision is {counts.precision:.1%}, below {precision:.0%}. Which way must it go?"
        )
    good = [counts for counts in map(judged.counts, np.linspace(0, 1, 101)) if counts.precision >= precision]
    best = max(one.recall for one in good)
    if counts.recall < best - 0.02:
        return wrong(
            f"precision {counts.precision:.1%} is enough, but recall is {counts.recall:.1%} and {best:.1%} can be had. "
            "Go lower, as far as the precision allows."
        )
    return correct(f"precision {counts.precision:.1%}, recall {counts.recall:.1%}.")
