"""Checkers of the three exercises: they name the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.lessons.exercises import Verdict, checker, correct, wrong
from clab_lite.lessons.grading import Mistake, grade
from clab_lite.lessons.references.by_hand import attend
from clab_lite.lessons.references.scene import Seen

Vectors = NDArray[np.float64]


def attention(answer: Callable[[Vectors, Vectors, Vectors], Any]) -> Verdict:
    """`answer(query, keys, values)` -> the output of one query: (d,), (S, d), (S, d) -> (d,)."""
    generator = np.random.default_rng(3)
    examples = [
        tuple(generator.normal(size=shape) for shape in ((d,), (s, d), (s, d))) for d, s in ((4, 3), (4, 5), (2, 3))
    ]
    return grade(answer, _attended, examples, _ATTENTION, "This is what every block of every SELSA layer computes.")


@checker
def proposal_count(answer: Any, seen: Seen) -> Verdict:
    """`answer`: how many reference proposals one region of the key frame is compared with, in one layer."""
    counts = [len(boxes) for boxes in seen.observation.reference_boxes]
    total, layers = sum(counts), len(seen.observation.selsa)
    distinct = sum(len(seen.proposals(number)) for number in seen.distinct())
    if int(answer) == total:
        return correct(
            f"{total}: {len(counts)} frames, a repeated frame as often as it is repeated, and the key itself."
        )
    mistakes = {
        total - counts[-1]: "you left out the key frame. It joins its own references: `seen.frames` ends with it.",
        distinct: "you counted every frame once. A frame that the rule names twice is in the memory twice.",
        counts[0]: "that is one frame. Its proposals stand beside those of all other references.",
        total * layers: f"you counted all {layers} layers. Each compares with the same proposals: count one.",
        len(seen.regions) * total: "these are the pairs of all regions. How many proposals feed *one* region?",
        len(counts): "these are the frames. Each of them brings several proposals.",
        len(counts) - 1: "these are the reference frames. Each of them, and the key itself, brings several proposals.",
    }  # fmt: skip
    hint = f"{answer} is not the number. Add up the lengths in `seen.observation.reference_boxes`."
    return wrong(mistakes.get(int(answer), hint))


def similar(answer: Callable[[Vectors, Vectors], Any]) -> Verdict:
    """`answer(cell, cells)` -> rows of the two most similar cells by cosine: (C,), (N, C) -> [first, second]."""
    cells = np.array([[6.0, 0.0], [1.0, 1.1], [0.9, 0.1], [-4.0, -4.2], [0.0, 3.0]])
    examples = [(np.array([1.0, 1.0]), cells), (np.array([2.0, 0.1]), cells), (np.array([-1.0, -0.9]), cells)]
    praise = "Temporal RoI Align does this for every cell of every region, in every reference map."
    return grade(lambda *given: _rows(answer(*given)), _similar, examples, _SIMILAR, praise)


def _rows(given: Any) -> Any:
    """An array or tensor of one or two numbers as a list; anything else as it is."""
    return given if given is None or given is ... else np.asarray(given).tolist()


def _attended(query: Vectors, keys: Vectors, values: Vectors) -> Vectors:
    return attend(query, keys, values)[2]


def _softmax(scores: Vectors) -> Vectors:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _cosines(cell: Vectors, cells: Vectors) -> Vectors:
    return cells @ cell / (np.linalg.norm(cells, axis=1) * np.linalg.norm(cell))


def _similar(cell: Vectors, cells: Vectors) -> list[int]:
    return [int(row) for row in np.argsort(-_cosines(cell, cells), kind="stable")[:2]]


_ATTENTION = (
    Mistake(
        lambda q, k, v: _softmax(k @ q) @ v,
        "you did not divide the scores by the square root of d, the length of the query: the weights are too sharp.",
    ),
    Mistake(lambda q, k, v: _softmax(k @ q / len(q)) @ v, "you divided by d. Divide by its square root."),
    Mistake(
        lambda q, k, v: (k @ q / np.sqrt(len(q))) @ v,
        "you forgot the softmax: raw scores may be negative and do not sum to 1.",
    ),
    Mistake(
        lambda q, k, _: _softmax(k @ q / np.sqrt(len(q))),
        "these are the weights. The output is the weighted sum of the values.",
    ),
    Mistake(
        lambda q, k, _: _softmax(k @ q / np.sqrt(len(q))) @ k,
        "you added up the keys. The weights come from the keys, the sum is over the values.",
    ),
    Mistake(
        lambda q, k, v: _softmax(k @ q / np.sqrt(len(q))) @ v / len(k),
        "you took the mean of the weighted values. The weights sum to 1 already: add the weighted values up.",
    ),
    Mistake(
        lambda q, k, v: _softmax(_cosines(q, k)) @ v,
        "you used the cosine. SELSA's score is the dot product divided by the square root of d: lengths count.",
    ),
)

_SIMILAR = (
    Mistake(
        lambda c, m: [int(row) for row in np.argsort(-(m @ c), kind="stable")[:2]],
        "you used the dot product: long vectors win. The cosine divides by both lengths.",
    ),
    Mistake(
        lambda c, m: [int(row) for row in np.argsort(((m - c) ** 2).sum(axis=1), kind="stable")[:2]],
        "you took the nearest cells by distance. The cosine looks only at the direction.",
    ),
    Mistake(
        lambda c, m: [int(row) for row in np.argsort(_cosines(c, m), kind="stable")[:2]],
        "these are the two least similar cells: sort from the largest cosine down.",
    ),
    Mistake(lambda c, m: _similar(c, m)[::-1], "the right cells in the wrong order: the most similar first."),
    Mistake(lambda c, m: _similar(c, m)[0], "this is one cell. Take two."),
    Mistake(
        lambda c, m: [float(value) for value in np.sort(_cosines(c, m))[::-1][:2]],
        "these are the cosines. The answer is which rows they belong to.",
    ),
)
