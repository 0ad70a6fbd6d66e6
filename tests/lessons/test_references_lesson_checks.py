"""Lesson 03: each checker accepts the solution and names the likely mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from references_scene import small_scene

from clab_lite.lessons.references import check
from clab_lite.lessons.references.scene import Seen


def softmax(scores: Any) -> Any:
    return np.exp(scores) / np.exp(scores).sum()


def right(q: Any, k: Any, v: Any) -> Any:
    return softmax(k @ q / np.sqrt(len(q))) @ v


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda q, k, v: softmax(k @ q) @ v, "square root of d, the length"),
        (lambda q, k, v: softmax(k @ q / len(q)) @ v, "Divide by its square root"),
        (lambda q, k, v: (k @ q / np.sqrt(len(q))) @ v, "forgot the softmax"),
        (lambda q, k, _: softmax(k @ q / np.sqrt(len(q))), "these are the weights"),
        (lambda q, k, _: softmax(k @ q / np.sqrt(len(q))) @ k, "added up the keys"),
        (lambda q, k, v: right(q, k, v) / len(k), "mean of the weighted values"),
        (lambda q, k, v: softmax(k @ q / np.linalg.norm(q) / np.linalg.norm(k, axis=1)) @ v, "used the cosine"),
        (lambda _q, _k, v: v[0], "it should be"),
        (lambda q, _k, v: q @ v, "your code stops"),
    ],
)
def test_attention_mistakes(answer: Callable[..., Any], words: str) -> None:
    verdict = check.attention(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


def test_attention_right_and_unanswered() -> None:
    assert check.attention(right).ok
    assert check.attention(lambda _q, _k, _v: None).state == "unanswered"


@pytest.fixture(scope="module")
def seen() -> Seen:
    return small_scene().look(6)


def test_proposal_count(seen: Seen) -> None:
    counts = [len(boxes) for boxes in seen.observation.reference_boxes]
    total = sum(counts)
    assert check.proposal_count(total, seen).ok
    assert check.proposal_count(None, seen).state == "unanswered"
    wrong = {
        total - counts[-1]: "left out the key frame",
        sum(len(seen.proposals(number)) for number in seen.distinct()): "every frame once",
        counts[0]: "one frame",
        2 * total: "count one",
        len(seen.regions) * total: "pairs of all regions",
        len(counts): "these are the frames",
        len(counts) - 1: "these are the reference frames",
        1: "is not the number",
    }
    for answer, words in wrong.items():
        verdict = check.proposal_count(answer, seen)
        assert verdict.state == "wrong" and words in verdict.message, answer
    assert "another form" in check.proposal_count("many", seen).message


def cosine(cell: Any, cells: Any) -> Any:
    return cells @ cell / (np.linalg.norm(cells, axis=1) * np.linalg.norm(cell))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda c, m: np.argsort(-(m @ c))[:2], "dot product"),
        (lambda c, m: np.argsort(np.linalg.norm(m - c, axis=1))[:2], "by distance"),
        (lambda c, m: np.argsort(cosine(c, m))[:2], "least similar"),
        (lambda c, m: np.argsort(cosine(c, m))[-2:], "wrong order"),
        (lambda c, m: np.argmax(cosine(c, m)), "Take two"),
        (lambda c, m: np.sort(cosine(c, m))[::-1][:2], "these are the cosines"),
        (lambda _c, _m: [0, 0], "it should be"),
    ],
)
def test_similar_mistakes(answer: Callable[..., Any], words: str) -> None:
    verdict = check.similar(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


def test_similar_right_and_unanswered() -> None:
    assert check.similar(lambda c, m: np.argsort(-cosine(c, m))[:2]).ok
    assert check.similar(lambda _c, _m: None).state == "unanswered"
