"""Checkers of the lesson's exercises; each names the likely mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.weights.shares import number, percent, weight_for_share
from clab_lite.schedule import linear_decay as _linear_decay
from clab_lite.study.gradients import share

_CASES = ((0.05, 0.5), (0.2, 0.8), (0.005, 0.25))
_TIMES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.9, 1.0)
_NORMS = ((1.0, 4.0, 0.05), (2.0, 3.0, 0.5), (0.5, 8.0, 0.01))


@checker
def linear_decay(answer: Callable[[float, float, float], float]) -> Verdict:
    """answer(progress, start, until) -> weight."""
    got = _table(answer, lambda s, u: [(p, s, u) for p in _TIMES], _CASES)
    if got is None:
        return unanswered()

    def like(rule: Callable[[float, float, float], float]) -> bool:
        return np.allclose(got, [[rule(p, s, u) for p in _TIMES] for s, u in _CASES], atol=1e-9)

    if like(lambda p, s, u: _linear_decay(s, u)(p)):
        return correct("and it keeps no state: a resumed run asks the same question and gets the same weight.")
    if like(lambda p, s, u: s * (1 - p / u)):
        return wrong("after `until` your weight is negative: it would push positives apart. Stop at zero.")
    if like(lambda p, s, _: s * (1 - p)):
        return wrong("your weight reaches zero at the end of training, not at `until`. Divide progress by something.")
    if like(lambda p, s, u: s if p < u else 0.0):
        return wrong("that is the step: full weight until `until`. Linear means a straight line down from `start`.")
    if like(lambda p, s, u: s * (1 - p / u) if p < u else s):
        return wrong("from `until` on you give the full start weight, as the official hook does when it resumes late.")
    if like(lambda p, s, u: s * p / u if p < u else 0.0):
        return wrong("your weight rises from zero. At progress 0 it should be `start`.")
    return _first_difference(got)


def _first_difference(got: np.ndarray) -> Verdict:
    for (start, until), row in zip(_CASES, got, strict=True):
        for progress, value in zip(_TIMES, row, strict=True):
            right = _linear_decay(start, until)(progress)
            if not np.isclose(value, right, atol=1e-9):
                asked = f"start {number(start)}, until {number(until)}, progress {number(progress)}"
                return wrong(f"at {asked} you give {number(value)}; a straight line gives {number(right)}.")
    return correct()


@checker
def gradient_share(answer: Callable[[float, float, float], float]) -> Verdict:
    """answer(detection, contrast, weight) -> share in [0, 1]."""
    got = _table(answer, lambda d, c, w: [(d, c, w)], _NORMS)
    if got is None:
        return unanswered()

    def like(rule: Callable[[float, float, float], float]) -> bool:
        return np.allclose(got[:, 0], [rule(*norms) for norms in _NORMS], rtol=1e-6)

    if like(lambda d, c, w: float(share(d, c, w))):
        if not np.isclose(float(answer(0.0, 2.0, 0.1)), 1.0):
            return wrong("right, but with a detection gradient of 0 the share should be 1.")
        return correct("with weight 0 it is 0, and it never passes 1 however large the weight.")
    if like(lambda d, c, _: c / (d + c)):
        return wrong("you forgot the weight: the auxiliary branch pulls with w times its gradient.")
    if like(lambda d, c, w: w * c / d):
        return wrong("that is the ratio of the two pulls, which can pass 1. A share divides by both pulls together.")
    if like(lambda d, c, w: w * c / (d + c)):
        return wrong("you weighted the contrast above the line but not below it.")
    if like(lambda d, c, w: d / (d + w * c)):
        return wrong("that is the share of detection. The question is about the auxiliary branch.")
    if like(lambda d, c, w: 100 * float(share(d, c, w))):
        return wrong("right in percent: give it as a number between 0 and 1.")
    if like(lambda _d, _c, w: w):
        return wrong("the weight itself is not the share: the two gradients have different lengths.")
    d, c, w = _NORMS[0]
    asked = f"for lengths {d} and {c} and w = {w}"
    return wrong(f"{asked} you give {got[0, 0]:.3g}; the share is {float(share(d, c, w)):.3g}.")


@checker
def start_weight(answer: float, detection: float, contrast: float, wanted: float = 0.1) -> Verdict:
    """The weight that gives the branch a wanted share, at gradients of these lengths."""
    value = float(answer)
    right = weight_for_share(wanted, detection, contrast)
    if np.isclose(value, right, rtol=0.01):
        return correct(f"w = {number(value)} is a share of {percent(float(share(detection, contrast, value)))}.")
    known = {
        wanted: "the weight is not the share: the two gradients have different lengths.",
        wanted * detection / contrast: "you made w·|g_contrast| a tenth of detection's pull: a ratio. "
        "The share counts both pulls below the line, so a little more is needed.",
        wanted * contrast / detection: "you swapped the lengths: the longer the contrastive gradient, "
        "the smaller the weight that is needed.",
        wanted * contrast / ((1 - wanted) * detection): "you swapped the lengths: the longer the contrastive gradient, "
        "the smaller the weight that is needed.",
    }
    for mistaken, words in known.items():
        if np.isclose(value, mistaken, rtol=0.01):
            return wrong(words)
    if value <= 0:
        return wrong("a weight of zero or less gives the branch no share. Choose a positive one.")
    got = percent(float(share(detection, contrast, value)))
    return wrong(f"w = {number(value)} is a share of {got}, not {percent(wanted)}. Solve the formula for w.")


def _table(answer: Any, arguments: Callable[..., list[tuple[float, ...]]], cases: tuple[Any, ...]) -> np.ndarray | None:
    """(cases, times) of the learner's function; None when it answers None or ... : nobody has filled it in."""
    rows = [[answer(*given) for given in arguments(*case)] for case in cases]
    if any(value is None or value is ... for row in rows for value in row):
        return None
    return np.array(rows, dtype=np.float64)
