"""Grade a learner's function on examples: right, not yet answered, or one of the mistakes that people make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clab_lite.lessons.exercises import Verdict, correct, unanswered, wrong


@dataclass(frozen=True)
class Mistake:
    """A wrong version of the answer, and what to tell who wrote it."""

    answer: Callable[..., Any]
    because: str


def grade(
    answer: Callable[..., Any],
    right: Callable[..., Any],
    examples: Sequence[tuple[Any, ...]],
    mistakes: Sequence[Mistake],
    praise: str,
    tolerance: float = 1e-3,
) -> Verdict:
    """Compare a function with the right one, example by example.

    Args:
        answer: what the learner wrote; a stub that returns None or ... counts as unanswered.
        right: the right function, of the same arguments; both return numbers, words, or sequences of numbers.
        examples: arguments to try.
        mistakes: wrong functions. The first that agrees with `answer` on every example names the mistake.
        praise: the message when every example is right.
        tolerance: numbers further apart than this are different.
    """
    given: list[Any] = []
    for example in examples:
        try:
            given.append(answer(*example))
        except Exception as error:
            return wrong(f"With {_shown(example)} your code stops: {type(error).__name__}: {error}")
    if all(value is None or value is ... for value in given):
        return unanswered()
    wanted = [right(*example) for example in examples]
    same = [agree(a, b, tolerance) for a, b in zip(given, wanted, strict=True)]
    if all(same):
        return correct(praise)
    for mistake in mistakes:
        if all(
            agree(value, mistake.answer(*example), tolerance) for value, example in zip(given, examples, strict=True)
        ):
            return wrong(mistake.because)
    first = same.index(False)
    return wrong(f"For {_shown(examples[first])} you get {_value(given[first])}; it should be {_value(wanted[first])}.")


def agree(given: Any, wanted: Any, tolerance: float = 1e-3) -> bool:
    """Whether two answers are the same: words alike, numbers within the tolerance, sequences number by number."""
    if isinstance(wanted, str) or isinstance(given, str):
        return isinstance(given, str) and given.strip().lower() == str(wanted).lower()
    try:
        a, b = np.asarray(given, np.float64), np.asarray(wanted, np.float64)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True))


def _shown(example: tuple[Any, ...]) -> str:
    return ", ".join(_value(part) for part in example)


def _value(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=3, suppress_small=True, threshold=24).replace("\n", "")
    return repr(value)
