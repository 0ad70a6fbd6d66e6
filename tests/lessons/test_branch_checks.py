"""The checkers of lesson 05 accept right answers and name the mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from clab_lite.detector.contrast import clip_labels
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.branch import check
from tests.training_world import micro_config


@pytest.fixture(scope="module")
def detector() -> VideoDetector:
    return VideoDetector(micro_config().detector)


def test_right_labels() -> None:
    assert check.row_labels(lambda clips, frames: [row // frames for row in range(clips * frames)]).ok
    assert check.row_labels(lambda clips, frames: np.repeat(np.arange(clips), frames)).ok
    assert check.row_labels(lambda clips, frames: clip_labels(clips, frames, torch.device("cpu"))).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda c, f: [row % c for row in range(c * f)], "round and round"),
        (lambda c, f: [row % f for row in range(c * f)], "positions inside the clip"),
        (lambda c, f: list(range(c * f)), "label of its own"),
        (lambda c, f: [0] * (c * f), "share one label"),
        (lambda _c, _f: [1, 2], "it should be"),
        (lambda _c, _f: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_wrong_labels(answer: Callable[..., Any], words: str) -> None:
    verdict = check.row_labels(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


def test_right_false_negatives() -> None:
    assert check.false_negatives(lambda y, c: (y[:, None] != y) & (c[:, None] == c)).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _y, c: c[:, None] == c, "frames of one clip"),
        (lambda _y, c: (c[:, None] == c) & ~np.eye(len(c), dtype=bool), "diagonal"),
        (lambda y, _c: y[:, None] != y, "all negatives"),
        (lambda y, c: (y[:, None] != y) & (c[:, None] != c), "true negatives"),
        (lambda y, c: y == c, "it should be"),
    ],
)
def test_wrong_false_negatives(answer: Callable[..., Any], words: str) -> None:
    verdict = check.false_negatives(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


def test_the_branch_is_taken_out(detector: VideoDetector) -> None:
    verdict = check.without_branch(
        lambda state: {k: v for k, v in state.items() if not k.startswith("auxiliary.")}, detector
    )
    assert verdict.ok
    assert "fewer to ship" in verdict.message


def _emptied(state: dict[str, Any]) -> dict[str, Any]:
    for name in [name for name in state if name.startswith("auxiliary.")]:
        del state[name]
    return state


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda state: dict(state), "still in it"),
        (lambda state: {k: v for k, v in state.items() if not k.startswith("auxiliary.conv")}, "a part of the branch"),
        (lambda state: {k: v for k, v in state.items() if k.startswith("auxiliary.")}, "Turn the condition round"),
        (lambda state: {k: v for k, v in state.items() if "conv" not in k and "projector" not in k}, "also dropped"),
        (lambda state: {k: v * 2 for k, v in state.items() if not k.startswith("auxiliary.")}, "weights changed"),
        (lambda _state: [1], "Return a dictionary"),
        (_emptied, "Build a new one"),
    ],
)
def test_the_branch_is_not_taken_out(answer: Callable[..., Any], words: str, detector: VideoDetector) -> None:
    verdict = check.without_branch(answer, detector)
    assert verdict.state == "wrong"
    assert words in verdict.message


def test_stubs_are_unanswered(detector: VideoDetector) -> None:
    assert check.row_labels(lambda _clips, _frames: ...).state == "unanswered"
    assert check.false_negatives(lambda _y, _c: ...).state == "unanswered"
    assert check.without_branch(lambda _state: ..., detector).state == "unanswered"
    assert check.without_branch(lambda _state: None, detector).state == "unanswered"
