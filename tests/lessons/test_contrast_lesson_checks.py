"""The checkers of lesson 04 name the mistake; its widgets answer the sliders and the mouse."""

import math
from typing import Any

import pytest
import torch

from clab_lite.lessons import contrast
from clab_lite.lessons.contrast import checks, mistakes
from clab_lite.lessons.contrast.terms import nt_xent
from clab_lite.lessons.contrast.variants import textbook


def rows_first(embeddings: torch.Tensor, labels: torch.Tensor, temperature: float, *, itself: bool) -> torch.Tensor:
    """As a learner may write it: everything of other clips, and the anchor too where `itself`."""
    rows = torch.nn.functional.normalize(embeddings, dim=1)
    terms = torch.exp(rows @ rows.T / temperature)
    same = labels[:, None] == labels[None]
    eye = torch.eye(len(labels), dtype=torch.bool)
    below = (terms * (~same | (eye if itself else False))).sum(dim=1, keepdim=True)
    return -torch.log(terms / (terms + below))[same & ~eye].mean()


def test_a_right_loss_is_right() -> None:
    assert checks.nt_xent(nt_xent).ok
    assert checks.nt_xent(lambda e, y, t: rows_first(e, y, t, itself=False)).ok
    assert checks.nt_xent(lambda e, y, t: float(nt_xent(e, y, t))).ok


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda e, y, t: rows_first(e, y, t, itself=True), "its own negative"),
        (textbook, "other positives"),
        (lambda e, y, _: nt_xent(e, y, 1.0), "temperature is forgotten"),
        (lambda e, y, t: nt_xent(e, y, t) * len(y) * 2, "it should be"),
        (lambda e, y, t: contrast.pairs_of(e, y, t).losses.sum(), "add the pairs up"),
        (lambda e, y, t: contrast.pairs_of(e, y, t).losses, "one number"),
        (lambda *_: "a word", "one number"),
        (lambda e, y, t: nt_xent(e, y, t) if len(set(y.tolist())) > 1 else math.nan, "one clip alone"),
        (lambda e, y, _: e @ y, "your code stopped with RuntimeError"),
    ],
)
def test_wrong_losses_are_told_why(answer: Any, word: str) -> None:
    verdict = checks.nt_xent(answer)
    assert verdict.state == "wrong"
    assert word in verdict.message


@pytest.mark.parametrize(
    ("check", "known"),
    [(checks.nt_xent, mistakes.LOSS), (checks.negatives, mistakes.NEGATIVES), (checks.chance, mistakes.CHANCE)],
)
def test_every_known_mistake_is_recognised_as_itself(check: Any, known: tuple[mistakes.Mistake, ...]) -> None:
    for mistake in known:
        assert check(mistake.answer).message == mistake.because


def test_counts() -> None:
    assert checks.negatives(lambda c, g, r: (c * g - 1) * (r + 1)).ok
    assert checks.chance(lambda c, g, r: math.log(1 + (c * g - 1) * (r + 1))).ok
    assert not checks.chance(lambda *_: 1.0).ok


@pytest.mark.parametrize("check", [checks.nt_xent, checks.negatives, checks.chance])
def test_nothing_written_is_no_mistake(check: Any) -> None:
    assert check(None).state == "unanswered"
    assert check(lambda *_: None).state == "unanswered"
    assert check(lambda *_: ...).state == "unanswered"


@pytest.mark.parametrize(
    ("explorer", "change"),
    [
        (contrast.angle_explorer, {"b": 200}),
        (contrast.flow_explorer, {"step": 3}),
        (contrast.branch_explorer, {"step": 0}),
        (contrast.temperature_explorer, {"temperature": 1.0}),
        (contrast.batch_explorer, {"gpus": 3}),
        (contrast.reading_explorer, {"loss": 3.0}),
    ],
)
def test_a_slider_changes_the_figure_and_the_numbers(explorer: Any, change: dict[str, float]) -> None:
    widget = explorer()
    numbers, picture = widget.numbers, widget.picture.value
    widget.set(**change)
    assert widget.numbers != numbers and widget.picture.value != picture
    assert "could not be drawn" not in widget.numbers


def test_the_player_starts_at_random_points_and_ends_in_groups() -> None:
    player = contrast.flow_player(steps=60)
    assert "alignment 1.8" in player.numbers
    assert "alignment 0.00" in player.set(60).numbers


def test_a_point_follows_the_mouse_while_the_button_is_down() -> None:
    widget = contrast.angle_explorer()
    axes = widget.figure.axes[0]

    def mouse(kind: str, degrees: float, radius: float = 1.0, buttons: int = 1) -> None:
        angle = math.radians(degrees)
        across, down = axes.transData.transform((radius * math.cos(angle), radius * math.sin(angle)))
        width, height = widget.figure.bbox.width, widget.figure.bbox.height
        place = {"relativeX": across, "relativeY": height - down}
        widget.drag.handle(
            {"type": kind, "buttons": buttons, **place, "boundingRectWidth": width, "boundingRectHeight": height}
        )

    mouse("mousemove", 200)
    assert widget.values["b"] == 100, "nothing is held yet"
    mouse("mousedown", 95)
    axes = widget.figure.axes[0]
    mouse("mousemove", 200, radius=1.2)
    assert (widget.values["a"], widget.values["a2"], widget.values["b"]) == (20, 50, 200)
    assert "cos(A, B) = -1.000" in widget.numbers
    mouse("mouseup", 200)
    mouse("mousemove", 300)
    assert widget.values["b"] == 200


def test_letting_go_outside_the_picture_lets_go() -> None:
    widget = contrast.angle_explorer()
    widget.drag.handle({"type": "mousedown", "relativeX": 5, "relativeY": 5, "boundingRectWidth": 0})
    assert widget.values["a"] == 20
    size = {"boundingRectWidth": 920, "boundingRectHeight": 410, "relativeX": 100, "relativeY": 200}
    widget.drag.handle({"type": "mousedown", **size})
    held = widget.values
    widget.drag.handle({"type": "mousemove", "buttons": 0, **size, "relativeX": 200})
    widget.drag.handle({"type": "mousemove", "buttons": 1, **size, "relativeX": 250})
    assert widget.values == held


@pytest.mark.parametrize(("degrees", "name"), [(355, "a"), (60, "a2"), (170, "b")])
def test_the_nearest_point_is_taken_also_across_zero(degrees: float, name: str) -> None:
    widget = contrast.angle_explorer()
    widget.grab(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    widget.move(0.0, -0.5)
    assert widget.values[name] == 270
