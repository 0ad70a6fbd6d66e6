"""Checkers of lesson 05: each names the mistake that an answer shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.grading import Mistake, grade


@checker
def row_labels(answer: Callable[[int, int], Any]) -> Verdict:
    """Exercise 1: labels of the rows of the branch, for clips and frames per clip."""
    return grade(
        lambda clips, frames: _as_list(answer(clips, frames)),
        lambda clips, frames: [row // frames for row in range(clips * frames)],
        [(2, 3), (4, 3), (3, 2)],
        [
            Mistake(
                lambda clips, frames: [row % clips for row in range(clips * frames)],
                "you count the clips round and round: 0, 1, 0, 1, ... But the rows come clip by clip, so the label may "
                "change only when a clip is complete.",
            ),
            Mistake(
                lambda clips, frames: [row % frames for row in range(clips * frames)],
                "these are the positions inside the clip: all key frames would be positives of each other, whatever "
                "they show. The label must be the number of the clip.",
            ),
            Mistake(
                lambda clips, frames: list(range(clips * frames)),
                "every row has a label of its own: there is no positive pair, and the loss is 0. Frames of one clip "
                "must share a label.",
            ),
            Mistake(
                lambda clips, frames: [0] * (clips * frames),
                "all rows share one label: there is no negative pair, and the loss is 0. Each clip needs its own.",
            ),
        ],
        "frames of one clip share a label, and the branch needs nothing else: `clip_labels` does the same.",
    )


@checker
def false_negatives(answer: Callable[[np.ndarray, np.ndarray], Any]) -> Verdict:
    """Exercise 2: the mask (N, N) of negative pairs that show one class."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    examples = [
        (labels, np.array([5, 5, 5, 5, 7, 7])),
        (labels, np.array([1, 1, 2, 2, 1, 1])),
        (labels[:4], np.array([3, 3, 3, 3])),
    ]
    diagonal = lambda rows: np.eye(len(rows), dtype=bool)  # noqa: E731 - a name for one expression
    return grade(
        lambda rows, classes: _as_array(answer(rows, classes)),
        lambda rows, classes: _same(classes) & ~_same(rows),
        examples,
        [
            Mistake(
                lambda _rows, classes: _same(classes),
                "you also mark frames of one clip (and each frame with itself). Those are positives; a false negative "
                "is a *negative* pair: its labels differ.",
            ),
            Mistake(
                lambda rows, classes: _same(classes) & ~diagonal(rows),
                "you left out the diagonal, but the other frames of the same clip are positives too. Ask for labels "
                "that differ.",
            ),
            Mistake(
                lambda rows, _classes: ~_same(rows),
                "these are all negatives. A false one also shows the same class.",
            ),
            Mistake(
                lambda rows, classes: ~_same(classes) & ~_same(rows),
                "these are the true negatives: other clip and other class. You want the same class.",
            ),
        ],
        "negative by label, alike by class: the loss pushes them apart, the detector wants them together.",
    )


@checker
def without_branch(answer: Callable[[Mapping[str, Any]], Any], detector: VideoDetector) -> Verdict:
    """Exercise 3: the weights of a detector without those of the branch."""
    state = detector.state_dict()
    before = dict(state)
    given = answer(state)
    if given is None or given is ...:
        return unanswered()
    if set(state) != set(before):
        return wrong("you removed entries from the dictionary you were given. Build a new one and leave that as it is.")
    if not isinstance(given, Mapping):
        return wrong(f"you return a {type(given).__name__}. Return a dictionary of name -> tensor.")
    needed = {name for name in state if not name.startswith("auxiliary.")}
    missing, extra = sorted(needed - set(given)), sorted(set(given) - needed)
    if not needed & set(given) and extra:
        return wrong("you kept the branch and dropped the detector. Turn the condition round.")
    if len(extra) == len(state) - len(needed):
        return wrong(f"the branch is still in it, for example {extra[0]!r}. Its names start with 'auxiliary.'.")
    if extra:
        return wrong(f"a part of the branch is still in it: {extra[0]!r}. All its names start with 'auxiliary.'.")
    if missing:
        return wrong(
            f"you also dropped {missing[0]!r} ({len(missing)} entries too many), and detection needs it. Ask how the "
            "name starts, not what it contains."
        )
    if any(not torch.equal(given[name], state[name]) for name in needed):
        return wrong("the names are right, but some weights changed. Copy the tensors as they are.")
    count = sum(state[name].numel() for name in state if name not in needed)
    return correct(f"{count:,d} numbers fewer to ship, and every detection stays the same.")


def _same(values: np.ndarray) -> np.ndarray:
    return values[:, None] == values


def _as_list(answer: Any) -> Any:
    return answer.tolist() if isinstance(answer, torch.Tensor | np.ndarray) else answer


def _as_array(answer: Any) -> Any:
    return None if answer is None or answer is ... else np.asarray(answer)
