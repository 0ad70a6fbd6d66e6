"""The checkers of lesson 09: each names the mistake it recognises."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.study.paired import over_seeds

Seeds = dict[int, float]
_NEAR = 1e-6


@checker
def average_precision(answer: Callable[[list[bool], int], float | None]) -> Verdict:
    """`answer(hits, objects)`: AP at every change of recall, hits in order of score."""
    hits, objects = [True, False, True, True, False], 5
    given = answer(list(hits), objects)
    if given is None:
        return unanswered()
    right, raw, found, ranks = _aps(hits, objects)
    known = {
        raw: "you took the precision at each hit as it is. Take the envelope: the best one at this rank or later.",
        found: "you divided by the number of hits. An object that nobody found counts too: divide by `objects`.",
        ranks: "you averaged over all ranks. Only a hit moves the recall: sum over the hits, divide by `objects`.",
    }
    verdict = _number(given, right, known)
    if verdict is not None:
        return verdict
    nothing = answer([False, False], 3)
    if nothing is None or math.isnan(nothing) or abs(nothing) > _NEAR:
        return wrong(f"without a single hit AP is 0, your function says {nothing}.")
    return correct("the area under the envelope, one step for each hit.")


@checker
def draw_videos(answer: Callable[[np.ndarray, np.random.Generator], np.ndarray | None]) -> Verdict:
    """`answer(video_of_frame, rng)`: rows of frames of one bootstrap draw of whole videos, with replacement."""
    video = np.repeat(np.arange(12), 4)
    first = answer(video.copy(), np.random.default_rng(0))
    if first is None:
        return unanswered()
    draws = [np.asarray(answer(video.copy(), np.random.default_rng(seed)), int) for seed in range(20)]
    if any(draw.min(initial=0) < 0 or draw.max(initial=0) >= len(video) for draw in draws):
        return wrong(f"frames are rows 0 to {len(video) - 1}; yours go beyond.")
    if all(len(draw) == 12 and draw.max() < 12 for draw in draws):
        return wrong("you gave the numbers of the videos. Give the rows of all their frames.")
    counts = np.array([np.bincount(draw, minlength=len(video)) for draw in draws])
    if (counts.reshape(20, 12, 4).min(2) != counts.reshape(20, 12, 4).max(2)).any():
        return wrong("some frames of a video were drawn, others not: you drew frames. Draw videos, take all of each.")
    times = counts.reshape(20, 12, 4)[:, :, 0]
    if (times == 1).all():
        return wrong("every video is there once, in every draw: you drew without replacement. Put each back.")
    if times.max() <= 1:
        return wrong("no video is there twice: draw with replacement, or keep the copies (`np.isin` drops them).")
    if (times.sum(1) != 12).any():
        return wrong("draw as many videos as there are: 12 here, copies counted.")
    if (times == times[0]).all():
        return wrong("every draw is the same: take random numbers from `rng`, which differs from call to call.")
    return correct("whole videos, with replacement, as many as there are.")


@checker
def paired_interval(answer: Callable[[Seeds, Seeds], tuple[float, float, float] | None]) -> Verdict:
    """`answer(baseline, clab)`: (mean, low, high) of the differences paired by seed; dicts seed -> AP50."""
    baseline = {0: 0.50, 1: 0.61, 2: 0.44, 3: 0.58, 4: 0.52}
    clab = {4: 0.54, 2: 0.45, 0: 0.53, 3: 0.585, 1: 0.625}
    given = answer(dict(baseline), dict(clab))
    if given is None:
        return unanswered()
    mean, low, high = (float(value) for value in given)
    differences = [clab[seed] - baseline[seed] for seed in baseline]
    truth = over_seeds(differences).mean
    if abs(mean + truth) < _NEAR:
        return wrong("the sign is turned: a gain is positive, so take clab minus baseline.")
    if abs(mean - truth) > _NEAR:
        return wrong(f"the mean difference is not {mean:.4f}: subtract seed by seed, then take the mean.")
    if abs((high + low) / 2 - mean) > _NEAR:
        return wrong("the interval is not centred on the mean difference: mean minus and plus t times s / sqrt(n).")
    return _of_width((high - low) / 2, differences, list(baseline.values()), list(clab.values()))


def _of_width(half: float, differences: list[float], baseline: list[float], clab: list[float]) -> Verdict:
    """Judge half the length of the interval."""
    n, t = len(differences), 2.7764451052
    spread = float(np.std(differences, ddof=1))
    by_order = float(np.std(np.subtract(clab, baseline), ddof=1))
    apart = math.sqrt((np.var(baseline, ddof=1) + np.var(clab, ddof=1)) / n)
    known = {
        t * spread: "you forgot to divide by the square root of n: that is the spread of single runs.",
        1.96 * spread / math.sqrt(n): "1.96 is for very many seeds. With five, Student's t with 4 degrees is 2.776.",
        t * float(np.std(differences)) / math.sqrt(n): "you divided by n in the spread: use n - 1 (`ddof=1`).",
        t
        * by_order
        / math.sqrt(n): "you paired by position: the tables list the seeds in different orders. Use the keys.",
        t * apart: "you took the spreads of both groups apart: what a seed does to both cancels only in differences.",
    }
    verdict = _number(half, t * spread / math.sqrt(n), known, 2e-5)
    return verdict or correct("mean of the differences, plus and minus 2.776 times s / sqrt(5).")


def _number(given: float, right: float, known: dict[float, str], near: float = _NEAR) -> Verdict | None:
    """None when it is right; else what is wrong with it."""
    if abs(given - right) <= near:
        return None
    for value, text in known.items():
        if abs(given - value) <= near:
            return wrong(text)
    return wrong(f"yours is {given:.4f}; that is neither the answer nor a mistake this checker knows.")


def _aps(hits: list[bool], objects: int) -> tuple[float, float, float, float]:
    """Right AP, and what comes without the envelope, over the found only, and over all ranks."""
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    right = np.asarray(hits)
    return (
        float(envelope[right].sum() / objects),
        float(precision[right].sum() / objects),
        float(envelope[right].mean()),
        float(envelope.mean()),
    )
