"""The checkers of lesson 14: right answers, stubs, and every mistake they know."""

from __future__ import annotations

from typing import Any

import pytest

from clab_lite.lessons.choosing import checks

_KEYS = {
    "branch": ("video",),
    "ranked": ("class_name",),
    "crosscl": ("video", "frame", "place"),
    "codo": ("video", "track"),
}


def _attracts(keys: dict[str, tuple[str, ...]]) -> Any:
    return lambda method, a, b: all(a[key] == b[key] for key in keys[method])


def test_attracts() -> None:
    assert checks.attracts(_attracts(_KEYS)).ok
    assert checks.attracts(None).state == "unanswered"
    assert checks.attracts(lambda _m, _a, _b: ...).state == "unanswered"


@pytest.mark.parametrize(("change", "word"), [
    ({"codo": ("track",)}, "track numbers start anew"),
    ({"crosscl": ("video", "frame")}, "two places of one frame"),
    ({"branch": ("video", "frame")}, "not only a frame and itself"),
    ({"ranked": ("track",)}, "ranked: the dog"),
    ({"codo": ("video", "class_name")}, "do not attract"),
])  # fmt: skip
def test_wrong_pairs_are_named(change: dict[str, tuple[str, ...]], word: str) -> None:
    verdict = checks.attracts(_attracts(_KEYS | change))
    assert verdict.state == "wrong" and word in verdict.message


def test_equal_steps() -> None:
    assert checks.equal_steps(lambda s, p, d, c: s + p * c / d).ok
    assert checks.equal_steps(lambda s, p, d, c: round(s + p * c / d)).ok
    assert checks.equal_steps(lambda *_: ...).state == "unanswered"


@pytest.mark.parametrize(("answer", "word"), [
    (lambda s, p, d, c: s + p, "steps of two kinds"),
    (lambda s, p, d, c: s + p * d / c, "turned over"),
    (lambda s, p, d, c: p * c / d, "the pre-training alone"),
    (lambda s, p, d, c: s * d + p * c, "cost in seconds"),
    (lambda s, p, d, c: s, "for nothing"),
    (lambda s, p, d, c: 7, "it should be"),
])  # fmt: skip
def test_wrong_steps_are_named(answer: Any, word: str) -> None:
    assert word in checks.equal_steps(answer).message


def test_survivors() -> None:
    assert checks.survivors(checks.holm).ok
    assert checks.survivors(lambda p: set(checks.holm(p))).ok  # any order, any collection
    assert checks.survivors(lambda _: ...).state == "unanswered"


@pytest.mark.parametrize(("answer", "word"), [
    (lambda p: [i for i, v in enumerate(p) if v <= 0.05], "pays for one look"),
    (lambda p: [i for i, v in enumerate(p) if v * len(p) <= 0.05], "Bonferroni"),
    (checks._without_stop, "stops at the first"),
    (lambda p: [], "it should be"),
    (lambda p: [v for v in p if v > 2] + ["a"], "your code stops"),
])  # fmt: skip
def test_wrong_survivors_are_named(answer: Any, word: str) -> None:
    assert word in checks.survivors(answer).message


def test_holm_by_hand() -> None:
    """0.01 against 0.05/3, 0.02 against 0.05/2, 0.04 against 0.05."""
    assert checks.holm([0.04, 0.01, 0.02]) == [0, 1, 2]
    assert checks.holm([0.04, 0.01, 0.03]) == [1]
    assert checks.holm([]) == [] and checks.holm([float("nan"), 0.001]) == [1]
