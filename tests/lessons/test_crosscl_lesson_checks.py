"""The checkers of lesson 12 name the mistake."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from clab_lite.lessons.crosscl import checks, mistakes
from clab_lite.methods.crosscl.windows import map_windows


def by_library(window: Any, query: Any, key: Any, size: int) -> Any:
    rows = [torch.tensor([values], dtype=torch.float64) for values in (window, query, key)]
    boxes, valid = map_windows(*rows, size)
    return boxes[0, 0].tolist() if valid[0, 0] else "none"


def with_a_loop(z4: Tensor, z3: Tensor, negatives: Tensor, valid: Tensor, temperature: float) -> float:
    losses = []
    for i in range(len(z4)):
        if valid[i]:
            good = torch.exp(z4[i] @ z3[i] / temperature)
            losses.append(-torch.log(good / (good + torch.exp(negatives @ z4[i] / temperature).sum())))
    return float(sum(losses) / len(losses)) if losses else 0.0


def test_right_answers_are_right() -> None:
    assert checks.mapping(by_library).ok and checks.mapping(mistakes.right_mapping).ok
    assert checks.cross_term(with_a_loop).ok and checks.cross_term(mistakes.right_term).ok
    assert checks.negatives(lambda batch, size, level, square: batch * (size // 2**level - square + 1) ** 2).ok


@pytest.mark.parametrize(
    ("check", "known"),
    [(checks.mapping, mistakes.MAPPING), (checks.cross_term, mistakes.TERM), (checks.negatives, mistakes.COUNT)],
)
def test_every_known_mistake_is_recognised_as_itself(check: Any, known: tuple[mistakes.Mistake, ...]) -> None:
    for mistake in known:
        assert check(mistake.answer).message == mistake.because


@pytest.mark.parametrize("check", [checks.mapping, checks.cross_term, checks.negatives])
def test_nothing_written_is_not_answered(check: Any) -> None:
    assert check(lambda *_: None).state == "unanswered"
    assert check(None).state == "unanswered"


@pytest.mark.parametrize(
    ("check", "answer", "word"),
    [
        (checks.mapping, lambda w, q, k, s: None if w[0] == 0 else (0, 0, 1, 1), "return None"),
        (checks.mapping, lambda w, q, k, s: (1, 2, 3, 4), "you get (1, 2, 3, 4)"),
        (checks.cross_term, lambda a, b, n, v, t: (a * b).sum(1), "one number"),
        (checks.cross_term, lambda a, b, n, v, t: mistakes.TERM[0].answer(a, b, n, v | True, t) * 2, "it should be"),
        (
            checks.cross_term,
            lambda a, b, n, v, t: mistakes.right_term(a, b, n, v, t) if v.any() else torch.tensor(float("nan")),
            "return 0 then",
        ),
        (checks.cross_term, lambda a, b, n, v, t: a @ b, "your code stopped"),
        (checks.negatives, lambda *_: 7, "you get 7"),
    ],
)
def test_other_answers_are_told_what_is_wrong(check: Any, answer: Any, word: str) -> None:
    verdict = check(answer)
    assert verdict.state == "wrong" and word in verdict.message
