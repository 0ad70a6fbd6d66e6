"""The three exercises' checkers: they name the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from clab_lite.lessons.contrast import mistakes
from clab_lite.lessons.contrast.counting import Batch
from clab_lite.lessons.contrast.terms import nt_xent as right_loss
from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.grading import agree, grade

_BATCHES = [(2, 1, 2), (2, 8, 2), (4, 2, 1), (1, 3, 4)]
"""(clips per GPU, GPUs, references) to count; every mistake differs from the right answer in one of them."""


@checker
def nt_xent(answer: Callable[[Tensor, Tensor, float], Any]) -> Verdict:
    """The learner's nt_xent(embeddings, labels, temperature), against the library's value."""
    examples = _loss_examples()
    given = [answer(rows.clone(), labels.clone(), temperature) for rows, labels, temperature in examples]
    if all(value is None or value is ... for value in given):
        return unanswered()
    values = [_number(value) for value in given]
    if None in values:
        found = getattr(given[values.index(None)], "shape", type(given[values.index(None)]).__name__)
        return wrong(f"You return {tuple(found) if not isinstance(found, str) else found}; "
                     "the loss is one number, the mean over pairs of positives.")  # fmt: skip
    wanted = [float(right_loss(*example)) for example in examples]
    if not all(agree(value, right) for value, right in zip(values, wanted, strict=True)):
        for mistake in mistakes.LOSS:
            if all(agree(v, float(mistake.answer(*example))) for v, example in zip(values, examples, strict=True)):
                return wrong(mistake.because)
        return wrong(f"For 9 vectors of 3 clips at τ = 0.5 you get {values[0]:.4f}; it should be {wanted[0]:.4f}.")
    rows, _, temperature = examples[0]
    alone = _number(answer(rows[:3].clone(), torch.zeros(3, dtype=torch.long), temperature))
    if not agree(alone, 0.0):
        return wrong(f"Right with several clips. With one clip alone you get {alone}; without negatives it is 0.")
    return correct("the same number as the library's NTXentLoss, also for one clip alone (exactly 0).")


@checker
def negatives(answer: Callable[[int, int, int], Any]) -> Verdict:
    """The learner's negatives(clips_per_gpu, gpus, references): how many an anchor has."""
    praise = (
        "all frames of all other clips, on all GPUs: 2 clips of 3 frames on 1 GPU give 3 negatives, on 8 GPUs 45. "
        "The number of GPUs is part of the recipe."
    )
    return grade(answer, lambda c, g, r: Batch(c, g, r).negatives, _BATCHES, mistakes.NEGATIVES, praise)


@checker
def chance(answer: Callable[[int, int, int], Any]) -> Verdict:
    """The learner's chance(clips_per_gpu, gpus, references): the loss of embeddings that tell nothing."""
    praise = (
        "one positive among 1 + negatives rows that all look alike has the share 1 / (1 + negatives), and minus the "
        "logarithm of that share is ln(1 + negatives)."
    )
    return grade(answer, lambda c, g, r: Batch(c, g, r).chance, _BATCHES, mistakes.CHANCE, praise)


def _loss_examples() -> list[tuple[Tensor, Tensor, float]]:
    """Batches that tell all mistakes apart: rows of several lengths, several positives, clips of unequal size."""
    rows = torch.randn(9, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return [
        (rows, torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2]), 0.5),
        (rows[:5], torch.tensor([0, 0, 0, 1, 1]), 0.2),
    ]


def _number(value: Any) -> float | None:
    """A number or a tensor of one number as a float; else None."""
    try:
        return float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError):
        return None
