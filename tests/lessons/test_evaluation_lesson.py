"""Lesson 09: the five boxes by hand equal the library; every recognised mistake is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from clab_lite.errors import DataError
from clab_lite.lessons import evaluation
from clab_lite.lessons.evaluation import checks

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAME = "09_evaluate_on_vid_subsets"


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6, 0.7, 0.9])
@pytest.mark.parametrize(("name", "score"), [("E", 0.3), ("E", 0.97), ("A", 0.1), ("C", 0.85)])
def test_both_protocols_by_hand_equal_the_library(threshold: float, name: str, score: float) -> None:
    example = evaluation.five_boxes().with_score(name, score)
    table = evaluation.precision_and_recall(evaluation.rank_and_match(example, threshold), len(example.truth))
    library = evaluation.library_aps(example, threshold)
    assert evaluation.at_101_recalls(table) == pytest.approx(library["101 recalls"], abs=1e-12)
    assert evaluation.every_change(table) == pytest.approx(library["every change"], abs=1e-12)


def test_the_worked_numbers() -> None:
    """Hits A, C, D of four dogs at ranks 1, 3, 4: (1 + 3/4 + 3/4) / 4, and (26 + 50 * 3/4) / 101."""
    example = evaluation.five_boxes()
    ranked = evaluation.rank_and_match(example, 0.5)
    assert ranked["hit"].tolist() == [True, False, True, True, False]
    assert ranked["dog"].tolist() == ["1", "-", "2", "3", "-"]
    table = evaluation.precision_and_recall(ranked, 4)
    assert evaluation.every_change(table) == pytest.approx(0.625)
    assert evaluation.at_101_recalls(table) == pytest.approx((26 + 50 * 0.75) / 101)


def test_an_unknown_detection_is_named() -> None:
    with pytest.raises(DataError, match="'F'"):
        evaluation.five_boxes().with_score("F", 0.5)


def test_the_explorer_tells_both_numbers() -> None:
    figure, words = evaluation.explore_boxes(evaluation.five_boxes())(detection="E", score=0.3, threshold=0.5)
    assert "0.6287" in words
    assert "0.6250" in words
    assert "3 of 4" in figure.axes[0].get_title(loc="left")


def test_titles_name_the_steps_and_who_moves() -> None:
    titles = [axes.get_title(loc="left") for axes in evaluation.draw_steps(evaluation.five_boxes()).axes]
    assert titles[:2] == ["Step 3: A, C, D move right; B, E fall", "Step 4: the envelope lifts C"]
    assert titles[2] == "Step 5: area 0.6250,\nmean of 101 heights 0.6287"
    none = [axes.get_title(loc="left") for axes in evaluation.draw_steps(evaluation.five_boxes(), 0.95).axes]
    assert none[:2] == ["Step 3: A, B, C, D, E fall", "Step 4: the envelope lifts no hit"]
    five = evaluation.five_boxes()
    two = replace(five, names=("A", "E"), boxes=five.boxes[[0, 4]], scores=five.scores[[0, 4]])
    assert evaluation.draw_steps(two).axes[0].get_title(loc="left") == "Step 3: A moves right; E falls"


@pytest.mark.parametrize("draw", [evaluation.draw_frame, evaluation.draw_steps])
@pytest.mark.parametrize("threshold", [0.5, 0.95])
def test_figures_are_drawn_even_without_a_hit(draw: Callable[..., Any], threshold: float) -> None:
    figure = draw(evaluation.five_boxes(), threshold)
    figure.canvas.draw()
    words = [text.get_text() for text in figure.findobj(Text)]
    assert any(words) and not any("nan" in word.lower() for word in words)


AP_MISTAKES = {
    "envelope": lambda hits, n: float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[np.array(hits)].sum() / n),
    "number of hits": lambda hits, _: _ap(hits, sum(hits)) if sum(hits) else 0.0,
    "all ranks": lambda hits, _: float(_envelope(hits).mean()),
    "without a single hit": lambda hits, n: _ap(hits, n) if sum(hits) else float("nan"),
    "neither": lambda *_: 0.123,
}


@pytest.mark.parametrize("names", AP_MISTAKES)
def test_mistakes_in_average_precision(names: str) -> None:
    verdict = checks.average_precision(AP_MISTAKES[names])
    assert verdict.state == "wrong"
    assert names in verdict.message


DRAW_MISTAKES = {
    "you drew frames": lambda video, rng: rng.integers(0, len(video), len(video)),
    "without replacement": lambda video, rng: np.concatenate([np.flatnonzero(video == v) for v in rng.permutation(12)]),
    "keep the copies": lambda video, rng: np.flatnonzero(np.isin(video, rng.choice(12, 12))),
    "numbers of the videos": lambda _, rng: rng.choice(12, 12),
    "as many videos": lambda video, rng: np.concatenate([np.flatnonzero(video == v) for v in rng.choice(12, 30)]),
    "every draw is the same": lambda *_: np.concatenate([np.arange(4)] * 12),
    "go beyond": lambda *_: np.arange(48) + 1,
    "your code stopped with IndexError": lambda video, _: video[99],
}


@pytest.mark.parametrize("names", DRAW_MISTAKES)
def test_mistakes_in_drawing_videos(names: str) -> None:
    verdict = checks.draw_videos(DRAW_MISTAKES[names])
    assert verdict.state == "wrong"
    assert names in verdict.message


def _interval(d: np.ndarray, half: float) -> tuple[float, float, float]:
    return float(d.mean()), float(d.mean() - half), float(d.mean() + half)


def _paired(baseline: dict[int, float], clab: dict[int, float]) -> np.ndarray:
    return np.array([clab[seed] - baseline[seed] for seed in baseline])


T = 2.7764
INTERVAL_MISTAKES = {
    "square root": lambda b, c: _interval(_paired(b, c), T * _paired(b, c).std(ddof=1)),
    "1.96": lambda b, c: _interval(_paired(b, c), 1.96 * _paired(b, c).std(ddof=1) / 5**0.5),
    "ddof=1": lambda b, c: _interval(_paired(b, c), T * _paired(b, c).std() / 5**0.5),
    "by position": lambda b, c: _interval(
        np.array(list(c.values())) - list(b.values()),
        T * np.subtract(list(c.values()), list(b.values())).std(ddof=1) / 5**0.5,
    ),
    "both groups apart": lambda b, c: _interval(
        _paired(b, c), T * ((np.var(list(b.values()), ddof=1) + np.var(list(c.values()), ddof=1)) / 5) ** 0.5
    ),
    "sign is turned": lambda b, c: _interval(-_paired(b, c), 0.01),
    "not centred": lambda b, c: (float(_paired(b, c).mean()), 0.0, 1.0),
    "seed by seed": lambda *_: (0.5, 0.4, 0.6),
}


@pytest.mark.parametrize("names", INTERVAL_MISTAKES)
def test_mistakes_in_the_paired_interval(names: str) -> None:
    verdict = checks.paired_interval(INTERVAL_MISTAKES[names])
    assert verdict.state == "wrong"
    assert names in verdict.message


@pytest.mark.parametrize("check", [checks.average_precision, checks.draw_videos, checks.paired_interval])
def test_a_stub_is_not_answered_yet(check: Callable[..., Any]) -> None:
    assert check(lambda *_: None).state == "unanswered"


def test_the_solutions_of_the_notebook_are_right() -> None:
    source = (NOTEBOOKS / "sources" / f"{NAME}.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {"np": np}
    solutions = re.findall(r"# ```python\n(# def .*?)# ```", source, re.DOTALL)
    for solution in solutions:
        exec(re.sub(r"^# ?", "", solution, flags=re.MULTILINE), names)
    assert len(solutions) == 3
    assert checks.average_precision(names["my_ap"]).ok
    assert checks.draw_videos(names["my_draw"]).ok
    assert checks.paired_interval(names["my_interval"]).ok


def test_five_questions_with_one_right_answer_each() -> None:
    questions = json.loads((NOTEBOOKS / "questions" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert len(questions) == 5
    assert all(sum(choice["right"] for choice in question["choices"]) == 1 for question in questions)


def _envelope(hits: list[bool]) -> np.ndarray:
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return np.maximum.accumulate(precision[::-1])[::-1]


def _ap(hits: list[bool], objects: int) -> float:
    return float(_envelope(hits)[np.array(hits)].sum() / objects)
