"""The checkers of lesson 07 accept right answers and name the mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clab_lite.lessons.training import check


def four(losses: dict[str, float]) -> float:
    return sum(value for name, value in losses.items() if name != "contrast")


def test_right_answers() -> None:
    assert check.total(lambda losses, weight: four(losses) + weight * losses["contrast"]).ok
    assert check.goes_on_at(lambda killed, every: killed - killed % every).ok
    assert check.band(lambda curves: (curves.min(axis=0), curves.max(axis=0))).ok
    assert check.band(lambda c: ([min(column) for column in c.T], [max(column) for column in c.T])).ok


@pytest.mark.parametrize("checker", [check.total, check.goes_on_at, check.band])
def test_stubs_are_unanswered(checker: Callable[..., Any]) -> None:
    assert checker(lambda *_given: ...).state == "unanswered"
    assert checker(lambda *_given: None).state == "unanswered"
    assert checker(None).state == "unanswered"


@pytest.mark.parametrize(
    ("checker", "answer", "words"),
    [
        (check.total, lambda losses, _w: sum(losses.values()), "weight 1"),
        (check.total, lambda losses, w: w * sum(losses.values()), "all five"),
        (check.total, lambda losses, w: (1 - w) * four(losses) + w * losses["contrast"], "no mixture"),
        (check.total, lambda losses, _w: four(losses), "missing"),
        (check.total, lambda _losses, _w: 7.0, "it should be"),
        (check.goes_on_at, lambda killed, _every: killed, "only in memory"),
        (check.goes_on_at, lambda killed, every: -(-killed // every) * every, "future"),
        (check.goes_on_at, lambda killed, every: round(killed / every) * every, "nearest"),
        (check.goes_on_at, lambda killed, every: killed // every, "number of checkpoints"),
        (check.goes_on_at, lambda killed, every: killed % every, "steps that are lost"),
        (check.band, lambda c: (c.min(axis=1), c.max(axis=1)), "across the seeds"),
        (check.band, lambda c: (c.max(axis=0), c.min(axis=0)), "swapped"),
        (check.band, lambda c: (c.mean(0) - c.std(0), c.mean(0) + c.std(0)), "standard deviation"),
        (check.band, lambda c: (c.min(), c.max()), "one pair for each step"),
        (check.band, lambda c: (c, c, c), "stops"),
    ],
)
def test_mistakes_are_named(checker: Callable[..., Any], answer: Callable[..., Any], words: str) -> None:
    verdict = checker(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message
