"""The three exercises of the lesson, and the mistakes that their checkers know by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.grading import Mistake, grade
from clab_lite.methods.codo import paste as library
from clab_lite.methods.codo.jitter import shift_boxes

_Box = Sequence[float]
_BOXES: list[tuple[Any, ...]] = [
    ([10, 20, 50, 60], [0.1, -0.1, 0.1, 0.05], 96),
    ([0, 0, 30, 24], [-0.1, 0.1, -0.1, 0.1], 96),
    ([40, 8, 90, 40], [0.2, -0.2, 0.2, -0.2], 96),
    ([12, 50, 60, 92], [-0.05, 0.2, 0.0, 0.2], 96),
]
_COSINES: list[tuple[Any, ...]] = [(0.96, 0.94, 0.92), (0.95, 0.55, 0.5), (0.8, 0.2, 0.2), (0.5, 0.9, 0.4)]


@checker
def paste(answer: Callable[..., Any]) -> Verdict:
    """Exercise 1: lay an instance on a background and tell its box."""
    for height, width, x, y in ((5, 7, 4, 11), (12, 3, 0, 0), (6, 6, 18, 14)):
        background, instance = torch.zeros(3, 20, 24), torch.full((3, height, width), 9.0)
        before = background.clone()
        given = answer(background, instance, x, y)
        if given is None or given is ...:
            return unanswered()
        if not isinstance(given, tuple | list) or len(given) != 2:
            return wrong("return two things: the composite and its box, `return image, [x1, y1, x2, y2]`.")
        if not torch.equal(background, before):
            return wrong("the background itself was changed: the next instance would be pasted on top of this one. "
                         "Work on background.clone().")  # fmt: skip
        image, box = library.paste(background, instance, x, y)
        verdict = _compare_paste(given, image, box.tolist(), (height, width, x, y))
        if verdict is not None:
            return verdict
    return correct(
        "pixels inside are the instance's, all others the background's, and the box ends where the instance ends."
    )


@checker
def jitter(answer: Callable[[_Box, _Box, float], Any]) -> Verdict:
    """Exercise 2: the jittered box (x1, y1, x2, y2) of a box, (dx, dy, dw, dh) and the side of the image."""
    mistakes = [
        Mistake(_not_clipped, "Right, but boxes may leave the image. Cut each number off at 0 and at the side."),
        Mistake(_pixels, "You add dx and dy as pixels. They are shares: dx of the width, dy of the height."),
        Mistake(_kept_size, "The corner moves, but the box keeps its size: its sides become w (1 + dw), h (1 + dh)."),
        Mistake(_old_corner, "You measure the new sides from the old corner. They start at the moved one."),
        Mistake(_centred, "You scale around the middle. Here the moved corner stays and the other one gives way."),
        Mistake(_swapped, "Width and height are swapped: dx and dw go with x2 - x1, dy and dh with y2 - y1."),
    ]
    praise = "the same boxes as the library's. With dw = dh = 0 and dx = dy = 0 it is the exact box."
    return grade(answer, _right_box, _BOXES, mistakes, praise)


@checker
def share(answer: Callable[[float, float, float], Any]) -> Verdict:
    """Exercise 3: the share of the background, from the three cosines of the probe."""
    mistakes = [
        Mistake(
            lambda i, b, _n: b / i,
            "That compares the cosines themselves. An untrained network finds everything alike: first take off "
            "`neither`, what is alike anyway.",
        ),
        Mistake(lambda i, b, _n: i - b, "That is the gap. It grows when embeddings merely spread out; take a ratio."),
        Mistake(
            lambda i, b, n: (i - n) / (b - n) if b != n else 0.0,
            "Upside down: that is how much more the object counts. What the background adds goes on top.",
        ),
        Mistake(lambda _i, b, n: b - n, "That is what the background adds. Divide by what the object adds."),
        Mistake(
            lambda i, b, n: (b - n) / (i - n + b - n),
            "You divide by what both add together. Divide by what the object adds.",
        ),
    ]
    praise = "0: a shared background adds nothing. 1: it adds as much as the object itself. Above 1: it counts more."
    return grade(answer, lambda i, b, n: (b - n) / (i - n), _COSINES, mistakes, praise)


def _compare_paste(
    given: Any, image: torch.Tensor, box: list[float], case: tuple[int, int, int, int]
) -> Verdict | None:
    height, width, x, y = case
    found, told = given
    place = f"{width} x {height} pixels at x = {x}, y = {y}"
    if not isinstance(found, torch.Tensor) or found.shape != image.shape:
        return wrong(
            f"the composite is {getattr(found, 'shape', type(found).__name__)}; it is as large as the background."
        )
    if not torch.equal(found, image):
        turned = torch.zeros_like(image)
        turned[:, x : x + height, y : y + width] = 9
        if torch.equal(found, turned):
            return wrong("x and y are swapped: rows come first, `image[:, y : y + h, x : x + w]`.")
        return wrong(f"with {place}, {int((found != image).any(dim=0).sum())} pixels are not what they should be.")
    numbers = np.asarray([float(side) for side in told])
    if numbers.shape != (4,):
        return wrong(f"the box has {numbers.size} numbers; it needs four, (x1, y1, x2, y2).")
    if np.allclose(numbers, box):
        return None
    for other, because in (
        ([x, y, width, height], "its last two numbers are the width and height. The box is (x1, y1, x2, y2), corners."),
        ([x, y, x + width - 1, y + height - 1], "it ends on the last pixel. Boxes end after it: x2 - x1 is the width."),
        ([y, x, y + height, x + width], "its x and y are swapped."),
    ):
        if np.allclose(numbers, other):
            return wrong(f"the composite is right; of the box, {because}")
    return wrong(f"the composite is right, but with {place} the box is {box}, not {numbers.tolist()}.")


def _right_box(box: _Box, deltas: _Box, side: float) -> list[float]:
    moved = shift_boxes(torch.tensor([box], dtype=torch.float64), torch.tensor([deltas], dtype=torch.float64),
                        (int(side), int(side)))  # fmt: skip
    return moved[0].tolist()


def _corners(box: _Box, deltas: _Box) -> tuple[float, float, float, float, float, float]:
    """x, y, new width, new height after the move, and the old width and height."""
    x1, y1, x2, y2 = box
    dx, dy, dw, dh = deltas
    width, height = x2 - x1, y2 - y1
    return x1 + dx * width, y1 + dy * height, width * (1 + dw), height * (1 + dh), width, height


def _clip(values: Sequence[float], side: float) -> list[float]:
    return [min(max(value, 0.0), side) for value in values]


def _not_clipped(box: _Box, deltas: _Box, _side: float) -> list[float]:
    x, y, width, height, _, _ = _corners(box, deltas)
    return [x, y, x + width, y + height]


def _pixels(box: _Box, deltas: _Box, side: float) -> list[float]:
    _, _, width, height, _, _ = _corners(box, deltas)
    x, y = box[0] + deltas[0], box[1] + deltas[1]
    return _clip([x, y, x + width, y + height], side)


def _kept_size(box: _Box, deltas: _Box, side: float) -> list[float]:
    x, y, _, _, width, height = _corners(box, deltas)
    return _clip([x, y, x + width, y + height], side)


def _old_corner(box: _Box, deltas: _Box, side: float) -> list[float]:
    x, y, width, height, _, _ = _corners(box, deltas)
    return _clip([x, y, box[0] + width, box[1] + height], side)


def _centred(box: _Box, deltas: _Box, side: float) -> list[float]:
    x, y, width, height, w, h = _corners(box, deltas)
    return _clip([x + (w - width) / 2, y + (h - height) / 2, x + (w + width) / 2, y + (h + height) / 2], side)


def _swapped(box: _Box, deltas: _Box, side: float) -> list[float]:
    x1, y1, x2, y2 = box
    width, height = y2 - y1, x2 - x1
    x, y = x1 + deltas[0] * width, y1 + deltas[1] * height
    return _clip([x, y, x + width * (1 + deltas[2]), y + height * (1 + deltas[3])], side)
