"""The checkers of lesson 13 name the mistake."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clab_lite.lessons.codo import checks


def right_paste(background: torch.Tensor, instance: torch.Tensor, x: int, y: int) -> Any:
    image = background.clone()
    image[:, y : y + instance.shape[1], x : x + instance.shape[2]] = instance
    return image, [x, y, x + instance.shape[2], y + instance.shape[1]]


def in_place(background: torch.Tensor, instance: torch.Tensor, x: int, y: int) -> Any:
    background[:, y : y + instance.shape[1], x : x + instance.shape[2]] = instance
    return background, [x, y, x + instance.shape[2], y + instance.shape[1]]


def turned(background: torch.Tensor, instance: torch.Tensor, x: int, y: int) -> Any:
    image = background.clone()
    image[:, x : x + instance.shape[1], y : y + instance.shape[2]] = instance.transpose(0, 0)
    return image, [x, y, x + instance.shape[2], y + instance.shape[1]]


def boxed(change: Any) -> Any:
    def answer(background: torch.Tensor, instance: torch.Tensor, x: int, y: int) -> Any:
        image, _ = right_paste(background, instance, x, y)
        return image, change(x, y, instance.shape[2], instance.shape[1])

    return answer


def test_right_answers() -> None:
    assert checks.paste(right_paste).ok
    assert checks.paste(lambda *a: (right_paste(*a)[0], torch.tensor(right_paste(*a)[1]))).ok
    assert checks.jitter(checks._right_box).ok
    assert checks.share(lambda i, b, n: (b - n) / (i - n)).ok


def test_stubs_are_not_answered() -> None:
    for check in (checks.paste, checks.jitter, checks.share):
        assert check(lambda *_: None).state == "unanswered"
        assert check(None).state == "unanswered"


@pytest.mark.parametrize(("answer", "word"), [
    (in_place, "background itself was changed"),
    (lambda *a: right_paste(*a)[0], "return two things"),
    (lambda *a: (a[0].clone(), [0, 0, 1, 1]), "pixels are not what they should be"),
    (lambda *a: (a[1], [0, 0, 1, 1]), "as large as the background"),
    (boxed(lambda x, y, w, h: [x, y, w, h]), "width and height"),
    (boxed(lambda x, y, w, h: [x, y, x + w - 1, y + h - 1]), "ends on the last pixel"),
    (boxed(lambda x, y, w, h: [y, x, y + h, x + w]), "x and y are swapped"),
    (boxed(lambda x, y, w, h: [x, y, x + w]), "needs four"),
    (boxed(lambda x, y, w, h: [x, y, x + w, y + h + 3]), "the box is"),
    (lambda *a: a[0] / "dog", "your code stopped"),
])  # fmt: skip
def test_wrong_pastes_are_told_why(answer: Any, word: str) -> None:
    verdict = checks.paste(answer)
    assert verdict.state == "wrong" and word in verdict.message


@pytest.mark.parametrize(("answer", "word"), [
    (checks._not_clipped, "Cut each number off"), (checks._pixels, "shares: dx of the width"),
    (checks._kept_size, "keeps its size"), (checks._old_corner, "from the old corner"),
    (checks._centred, "around the middle"), (checks._swapped, "swapped"),
    (lambda b, d, s: b, "it should be"), (lambda b, d, s: 1 / 0, "division by zero"),
])  # fmt: skip
def test_wrong_jitters_are_told_why(answer: Any, word: str) -> None:
    verdict = checks.jitter(answer)
    assert verdict.state == "wrong" and word in verdict.message


@pytest.mark.parametrize(("answer", "word"), [
    (lambda i, b, n: b / i, "take off `neither`"), (lambda i, b, n: i - b, "That is the gap"),
    (lambda i, b, n: (i - n) / (b - n) if b != n else 0.0, "Upside down"), (lambda i, b, n: b - n, "Divide by what"),
    (lambda i, b, n: (b - n) / (i - n + b - n), "what both add together"), (lambda i, b, n: 0.5, "it should be"),
])  # fmt: skip
def test_wrong_shares_are_told_why(answer: Any, word: str) -> None:
    verdict = checks.share(answer)
    assert verdict.state == "wrong" and word in verdict.message
