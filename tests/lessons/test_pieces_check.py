"""The exercises of lesson 02: the right answer passes, every known mistake is named, a stub is not answered yet."""

import math

import numpy as np
import pytest

from clab_lite.lessons.pieces import check


def anchors(height, width, scales, ratios):
    return math.ceil(height / 16) * math.ceil(width / 16) * scales * ratios


def decoded(box, deltas, unit=0.2, size=math.exp, corner=False, order=(0, 1, 2, 3), pixels=False):
    x1, y1, x2, y2 = box
    dx, dy, dw, dh = (unit * deltas[k] for k in order)
    width, height = x2 - x1, y2 - y1
    x, y = (dx, dy) if pixels else (dx * width, dy * height)
    if corner:
        return [x1 + x, y1 + y, x1 + x + width * size(dw), y1 + y + height * size(dh)]
    x, y = (x1 + x2) / 2 + x, (y1 + y2) / 2 + y
    width, height = width * size(dw), height * size(dh)
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def sampled(grid, x, y, near=lambda distance: 1 - distance):
    column, row = min(int(x), grid.shape[1] - 2), min(int(y), grid.shape[0] - 2)
    total = 0.0
    for i in (0, 1):
        for j in (0, 1):
            total += near(abs(y - row - i)) * near(abs(x - column - j)) * grid[row + i, column + j]
    return total


def swapped(grid, x, y):
    return sampled(np.pad(grid, ((0, 1), (0, 0)), mode="edge"), y, x)


@pytest.mark.parametrize(("checker", "answer"), [
    (check.number_of_anchors, anchors), (check.decode, decoded), (check.sample, sampled),
])  # fmt: skip
def test_right_answers(checker, answer) -> None:
    assert checker(answer).ok


@pytest.mark.parametrize("checker", [check.number_of_anchors, check.decode, check.sample])
def test_stubs_and_code_that_stops(checker) -> None:
    assert checker(lambda *_: ...).state == "unanswered"
    assert "ZeroDivisionError" in checker(lambda *_: 1 / 0).message
    strange = checker(lambda *_: "seven")
    assert strange.state == "wrong"
    assert "should be" in strange.message


@pytest.mark.parametrize(("checker", "answer", "names"), [
    (check.number_of_anchors, lambda h, w, *_: math.ceil(h / 16) * math.ceil(w / 16), "number of cells"),
    (check.number_of_anchors, lambda h, w, s, r: anchors(h, w, 1, 1) * (s + r), "multiply"),
    (check.number_of_anchors, lambda h, w, s, r: (h // 16) * (w // 16) * s * r, "round up"),
    (check.number_of_anchors, lambda h, w, s, r: h * w / 256 * s * r, "Parts of a cell"),
    (check.number_of_anchors, lambda h, w, s, r: h * w * s * r, "not on pixels"),
    (check.decode, lambda box, deltas: decoded(box, deltas, unit=1.0), "0.2"),
    (check.decode, lambda box, deltas: decoded(box, deltas, corner=True), "centre"),
    (check.decode, lambda box, deltas: decoded(box, deltas, size=lambda d: 1 + d), "logarithms"),
    (check.decode, lambda box, deltas: decoded(box, deltas, order=(1, 0, 3, 2)), "swapped"),
    (check.decode, lambda box, deltas: decoded(box, deltas, pixels=True), "not pixels"),
    (check.sample, swapped, "row, column"),
    (check.sample, lambda grid, x, y: grid[round(y), round(x)], "nearest"),
    (check.sample, lambda grid, x, y: grid[int(y), int(x)], "rounded down"),
    (check.sample, lambda grid, x, y: sampled(grid, x, y, near=lambda d: d), "wrong way round"),
    (check.sample, lambda grid, x, y: grid[int(y) : int(y) + 2, int(x) : int(x) + 2].mean(), "plain mean"),
])  # fmt: skip
def test_mistakes_are_named(checker, answer, names: str) -> None:
    verdict = checker(answer)
    assert verdict.state == "wrong"
    assert names in verdict.message
