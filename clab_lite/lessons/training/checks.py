"""Checkers of lesson 07: each names the mistake that an answer shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clab_lite.lessons.exercises import Verdict, checker
from clab_lite.lessons.grading import Mistake, grade
from clab_lite.training.losses import DETECTION_LOSSES

_LOSSES = (
    {"rpn_objectness": 0.5, "rpn_box": 0.1, "box_class": 1.3, "box_regression": 0.4, "contrast": 2.0},
    {"rpn_objectness": 0.2, "rpn_box": 0.05, "box_class": 0.7, "box_regression": 0.3, "contrast": 0.9},
)


def _four(losses: Mapping[str, float]) -> float:
    return math.fsum(losses[name] for name in DETECTION_LOSSES)


@checker
def total(answer: Callable[[Mapping[str, float], float], Any]) -> Verdict:
    """Exercise 1: the total loss of five losses and the weight of the contrast."""
    return grade(
        answer,
        lambda losses, weight: _four(losses) + weight * losses["contrast"],
        [(_LOSSES[0], 0.005), (_LOSSES[1], 0.5), (_LOSSES[0], 0.0)],
        [
            Mistake(
                lambda losses, _weight: _four(losses) + losses["contrast"],
                "you add the contrast with weight 1. At weight 0 it must vanish: multiply it first.",
            ),
            Mistake(
                lambda losses, weight: weight * (_four(losses) + losses["contrast"]),
                "you weigh all five losses. At weight 0 nothing would be learned: only the contrast is weighted.",
            ),
            Mistake(
                lambda losses, weight: (1 - weight) * _four(losses) + weight * losses["contrast"],
                "you take the weight away from the detection losses. They always count fully; it is no mixture.",
            ),
            Mistake(
                lambda losses, _weight: _four(losses),
                "the contrast is missing: this is the baseline's loss at every weight.",
            ),
        ],
        "four losses in full, the fifth with its weight.",
    )


@checker
def goes_on_at(answer: Callable[[int, int], Any]) -> Verdict:
    """Exercise 2: where a killed run goes on, from the step it was killed after and the steps between checkpoints."""
    return grade(
        answer,
        lambda killed_after, every: killed_after // every * every,
        [(1234, 500), (499, 500), (1000, 500), (77, 25)],
        [
            Mistake(
                lambda killed_after, _every: killed_after,
                "the steps since the last checkpoint existed only in memory, and the memory is gone. Which step is on "
                "the disk?",
            ),
            Mistake(
                lambda killed_after, every: -(-killed_after // every) * every,
                "that checkpoint lies in the future: the run was killed before it was written. Round down.",
            ),
            Mistake(
                lambda killed_after, every: round(killed_after / every) * every,
                "you round to the nearest checkpoint, which may not have been written yet. Round down.",
            ),
            Mistake(
                lambda killed_after, every: killed_after // every,
                "that is the number of checkpoints written so far. Multiply it by the steps between them.",
            ),
            Mistake(
                lambda killed_after, every: killed_after % every,
                "those are the steps that are lost. The run goes on where the checkpoint is: subtract them.",
            ),
        ],
        "whole checkpoints only. The log forgets the lost rows too, and writes them again.",
    )


@checker
def band(answer: Callable[[np.ndarray], Any]) -> Verdict:
    """Exercise 3: lowest and highest value at each step, of curves (seeds, steps)."""
    curves = np.array([[3.0, 2.0, 1.5, 1.4], [3.2, 1.8, 1.7, 1.1], [2.9, 2.2, 1.6, 1.3]])
    return grade(
        lambda rows: _pair(answer(rows)),
        lambda rows: _pair((rows.min(axis=0), rows.max(axis=0))),
        [(curves,), (curves[:2],)],
        [
            Mistake(
                lambda rows: _pair((rows.min(axis=1), rows.max(axis=1))),
                "you went along the steps: one pair per seed. A band has one pair per *step*: go across the seeds.",
            ),
            Mistake(
                lambda rows: _pair((rows.max(axis=0), rows.min(axis=0))),
                "the two are swapped: return the lowest first.",
            ),
            Mistake(
                lambda rows: _pair((rows.mean(axis=0) - rows.std(axis=0), rows.mean(axis=0) + rows.std(axis=0))),
                "that is mean ± one standard deviation. With so few seeds the board shows what was seen: lowest and "
                "highest.",
            ),
            Mistake(
                lambda rows: _pair((rows.min(), rows.max())),
                "one pair for everything: the band would be a box. Give one pair for each step.",
            ),
        ],
        "the more seeds, the wider: a band of two runs promises little.",
    )


def _pair(values: Any) -> Any:
    """(low, high) as one array (2, steps); None stays."""
    if values is None or values is ...:
        return None
    low, high = values
    return np.stack([np.atleast_1d(np.asarray(low, np.float64)), np.atleast_1d(np.asarray(high, np.float64))])
