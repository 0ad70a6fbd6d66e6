"""The three exercises' checkers: they name the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from clab_lite.lessons.crosscl import mistakes
from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.grading import agree, grade
from clab_lite.methods.crosscl import lite
from clab_lite.methods.crosscl.loss import negative_vectors

Window = tuple[float, float, float, float]

_MAPPINGS: list[tuple[Window, Window, Window, int]] = [
    ((32, 0, 63, 31), (10, 20, 110, 120), (0, 5, 120, 125), 96),
    ((0, 32, 31, 63), (40, 0, 180, 100), (10, 0, 190, 128), 96),
    ((64, 64, 95, 95), (0, 0, 96, 96), (0, 0, 96, 96), 96),
    ((0, 0, 31, 31), (0, 0, 96, 96), (20, 20, 116, 116), 96),  # left of the key view
    ((64, 64, 95, 95), (40, 40, 136, 136), (0, 0, 96, 96), 96),  # right of it
    ((0, 0, 31, 31), (0, 0, 96, 96), (10, 10, 106, 106), 96),  # partly left of it
    ((32, 32, 80, 80), (0, 0, 224, 224), (0, 0, 80, 80), 224),  # its right edge is the key view's edge
]
"""(window, query crop, key crop, side of a view); four of them have no match."""

_COUNTS = [(16, 96, 4, 3), (16, 96, 3, 3), (12, 224, 3, 3), (4, 64, 4, 2)]
"""(batch, side of a view, level, side of a square in cells)."""


@checker
def mapping(answer: Callable[..., Any]) -> Verdict:
    """The learner's map_window(window, query_crop, key_crop, size): four numbers, or "none"."""
    praise = (
        "to the frame with the query crop, back with the key crop; and a window counts only when all of it lies in the "
        "key view."
    )
    given = [answer(*case) for case in _MAPPINGS]
    if all(value is None or value is ... for value in given):
        return unanswered()
    if any(value is None for value in given):
        return wrong('For some windows you return None. Say "none" for a window that has no match.')
    return grade(answer, mistakes.right_mapping, _MAPPINGS, mistakes.MAPPING, praise, tolerance=1e-6)


@checker
def cross_term(answer: Callable[..., Any]) -> Verdict:
    """The learner's cross_term(z4, z3, negatives, valid, temperature): one number, the mean over the valid windows."""
    examples = [_vectors(seed) for seed in range(3)]
    given = [answer(*[part.clone() for part in example], 0.2) for example in examples]
    if all(value is None or value is ... for value in given):
        return unanswered()
    values = [_number(value) for value in given]
    if None in values:
        return wrong("Return one number: the mean over the valid windows.")
    wanted = [float(mistakes.right_term(*example, 0.2)) for example in examples]
    if not all(agree(value, right, 1e-4) for value, right in zip(values, wanted, strict=True)):
        for mistake in mistakes.TERM:
            wrongs = [float(mistake.answer(*example, 0.2)) for example in examples]
            if all(agree(value, one, 1e-4) for value, one in zip(values, wrongs, strict=True)):
                return wrong(mistake.because)
        return wrong(f"For 6 windows and 40 negatives you get {values[0]:.4f}; it should be {wanted[0]:.4f}.")
    z4, z3, negatives, valid = examples[0]
    nothing = _number(answer(z4, z3, negatives, torch.zeros_like(valid), 0.2))
    if nothing is None or nothing != 0:
        return wrong(f"Right where there are valid windows. Without any you get {nothing}; return 0 then.")
    return correct(
        "the same number as the library, and 0 where no window is valid: the published code gives NaN there."
    )


@checker
def negatives(answer: Callable[..., Any]) -> Verdict:
    """The learner's count(batch, size, level, square): the negatives of one window."""
    praise = (
        f"all places of a square in all maps of the batch. With {lite().pretrain.batch} views of {lite().image_size} "
        f"pixels a window has {_count(16, 96, 4, 3)} negatives on P4 and {_count(16, 96, 3, 3)} on P3: never compare "
        "the two losses' values."
    )
    return grade(answer, _count, _COUNTS, mistakes.COUNT, praise)


def _count(batch: int, size: int, level: int, square: int) -> int:
    """By the library: how many vectors it makes of maps of that size."""
    side = size // 2**level
    vectors = negative_vectors(torch.zeros(batch, 1, side, side), square, 1)
    return vectors.shape[0] * vectors.shape[1]


def _vectors(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Six windows of unit length on two levels, forty negatives, some windows not valid."""
    generator = torch.Generator().manual_seed(seed)

    def unit(count: int) -> Tensor:
        return torch.nn.functional.normalize(torch.randn(count, 5, dtype=torch.float64, generator=generator), dim=1)

    return unit(6), unit(6), unit(40), torch.tensor([True, False, True, True, False, True])


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor):
        return float(value.detach()) if value.numel() == 1 else None
    return float(value) if isinstance(value, int | float) else None
