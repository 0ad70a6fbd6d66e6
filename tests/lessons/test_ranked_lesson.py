"""Lesson 11: its pictures say what the loss does, the board obeys the hand, the checkers name the mistake."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clab_lite import lessons
from clab_lite.lessons import ranked
from clab_lite.lessons.later import Later
from clab_lite.lessons.ranked import checks, measured, mistakes
from clab_lite.lessons.ranked.board import RankingBoard, shipped_lists
from clab_lite.lessons.ranked.board_figure import cell_of, finding
from clab_lite.lessons.ranked.circle import KEY_ANGLE, MEMBERS, draw_circle, pulls_of
from clab_lite.lessons.ranked.crop_sheet import SIDE
from clab_lite.lessons.ranked.free import climb
from clab_lite.lessons.ranked.quirks import draw_hard_positive, released_pulls
from clab_lite.lessons.ranked.toy import CLASSES, KNOWN, WITHHELD, draw, finding_toy, toy_similarity, train_toy
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.study.ranked.figures import by_method
from clab_lite.study.ranked.sweep import verdict

START = np.array([member.start for member in MEMBERS], np.float64)
NAMES = ("ant", "bee", "cat", "dog")


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_circle_shows_the_loss_of_the_library(variant: Any, count: int) -> None:
    anchor, key, bank = (ranked.on_circle(d) for d in ([0], [KEY_ANGLE], START.tolist()))
    labels = torch.tensor([min(member.rank, count) for member in MEMBERS])
    similarity = torch.eye(4, dtype=torch.float64)
    for rank in range(1, count):
        similarity[0, rank] = 1 - rank / count
    ranks = Ranks.of_similarity(similarity, count, 0.1, 0.6)
    expected = ranked_loss(anchor, key, bank, torch.tensor([0]), labels, ranks, variant)
    found = pulls_of(START, count, variant)
    np.testing.assert_allclose(found.terms, expected.per_rank.numpy(), rtol=1e-6)


def test_bars_are_slopes() -> None:
    """Moving a vector a little changes each term by minus its bar times the change of the cosine."""
    found, step = pulls_of(START, 3, "in"), 1e-4
    for place in range(len(MEMBERS)):
        turned = START.copy()
        turned[place] += np.degrees(step)
        moved = pulls_of(turned, 3, "in")
        change = moved.cosines[place + 1] - found.cosines[place + 1]
        np.testing.assert_allclose(moved.terms - found.terms, -found.pulls[:, place + 1] * change, atol=1e-7)


def test_higher_ranks_are_left_alone_and_variants_differ_at_the_far_mate() -> None:
    near, far, second = (next(i for i, m in enumerate(MEMBERS, 1) if m.key == key) for key in ("near", "far", "second"))
    inside, outside = pulls_of(START, 3, "in").pulls, pulls_of(START, 3, "out").pulls
    assert (inside[1:, [0, near, far]] == 0).all() and (inside[2, second] == 0)
    assert inside[0, second] < 0 < inside[1, second]
    assert outside[0, far] > 100 * inside[0, far] > 0 and outside[0, far] > outside[0, near]
    mixed = pulls_of(START, 3, "out-in").pulls
    np.testing.assert_allclose(mixed[0], outside[0])
    np.testing.assert_allclose(mixed[1:], inside[1:])


def test_the_circle_can_be_dragged() -> None:
    explorer = ranked.circle_explorer()
    explorer.grab(math.cos(math.radians(112)), math.sin(math.radians(112)))
    explorer.move(0.0, -1.0)
    assert explorer.values["far"] == 270 and explorer.values["near"] == 30
    before = explorer.numbers
    explorer.set(variant="out")
    assert explorer.numbers != before and "rank 3" in explorer.numbers
    bars = explorer.figure.axes[1]  # type: ignore[union-attr]
    assert bars.get_title(loc="left") == "Pulled hardest: own class, far"
    _, numbers = draw_circle(1, "in", **{member.key: member.start for member in MEMBERS})
    assert "rank 2" not in numbers


def test_free_vectors_climb_a_ladder_that_one_rank_does_not_see() -> None:
    lists = shipped_lists()
    with_ranks, without = climb(lists), climb(lists, ranks=1)
    assert (np.diff(with_ranks.ladder) < 0).all()
    assert with_ranks.ladder[1] > without.ladder[1] + 0.5 and with_ranks.losses[-1] < with_ranks.losses[0]
    np.testing.assert_allclose(np.diag(with_ranks.cosines), 1, atol=1e-6)
    other = climb({**lists, "bird": ("snake", "car")}, ranks=1)
    np.testing.assert_allclose(other.cosines, without.cosines)  # without ranks, lists are not looked at
    assert np.isnan(climb(dict.fromkeys(NAMES, ())).ladder[1:3]).all()


def board() -> RankingBoard:
    return ranked.ranking_board({"ant": ("bee", "cat"), "bee": ("ant",), "cat": (), "dog": ("cat", "bee")})


def test_buttons_move_a_class() -> None:
    made = board()
    made._later = Later(lambda: None)  # a dozen pictures that nobody would look at
    made.set(row="ant", word="dog")
    made.buttons[0].click()
    assert made.lists["ant"] == ("dog", "cat")  # the bee gave way and is in the rest
    made.set(word="cat")
    made.buttons[0].click()
    assert made.lists["ant"] == ("cat", "dog")  # two that are both in the list change places
    made.buttons[2].click()
    assert made.lists["ant"] == ("dog",)
    made.set(word="bee")
    made.buttons[1].click()
    assert made.lists["ant"] == ("dog", "bee")
    made.set(row="cat", word="ant")
    made.buttons[1].click()
    assert made.lists["cat"] == ("ant",)  # a list has no gaps
    made.set(word="cat")
    made.buttons[0].click()
    assert made.lists["cat"] == ("ant",) and "always the first" in made.numbers
    made.reset()
    assert made.lists == board().lists


def test_names_are_dragged_within_their_row() -> None:
    made = board()
    assert cell_of(made.lists, 1.5, 0) == ("ant", 0, "bee") and cell_of(made.lists, 2.7, 0.2) == ("ant", 1, "cat")
    assert cell_of(made.lists, 0.4, 3.1) == ("dog", None, None) and cell_of(made.lists, 3.6, 0) == ("ant", 2, "dog")
    assert cell_of(made.lists, 2.7, 1) == ("bee", 1, None)
    assert cell_of(made.lists, 3.6, 1.7)[2] == "ant" and cell_of(made.lists, 4.9, 1.7)[2] == "bee"
    assert cell_of(made.lists, 3.6, 2.3)[2] == "dog" and cell_of(made.lists, 4.9, 2.3)[2] is None
    made.grab(3.6, 0)
    made.move(2.7, 0)
    assert made.lists["ant"] == ("bee", "dog")
    made.move(1.5, 0.3)
    assert made.lists["ant"] == ("dog", "bee")
    before = dict(made.lists)
    made.grab(0.4, 1)  # the row's own name is not to be moved
    made.move(3.6, 1)
    made.grab(2.7, 1)  # an empty place
    made.move(1.5, 1)
    assert made.lists == before


def test_the_board_says_what_it_shows() -> None:
    made = ranked.ranking_board()
    figure = made.figure
    assert figure is not None and figure.axes[2].get_title(loc="left") == "Falls rung by rung"
    assert made.numbers.startswith("r=3: own class 1.00")
    assert finding(climb(dict.fromkeys(NAMES, ()))) == "A rung is empty"
    assert "rank 2 none" in ranked.ranking_board(dict.fromkeys(NAMES, ())).numbers


def test_toys_are_what_their_names_say() -> None:
    assert len(CLASSES) == 8 and set(KNOWN) | set(WITHHELD) == set(CLASSES)
    for name in WITHHELD:  # hue and shape are known from others
        hue, shape = name.split()
        assert any(known.startswith(hue) for known in KNOWN) and any(known.endswith(shape) for known in KNOWN)
    discs, squares = (
        draw(["red disc"] * 20, np.random.default_rng(0)),
        draw(["red square"] * 20, np.random.default_rng(0)),
    )
    for pictures in (discs, squares):
        assert pictures.shape == (20, 3, 24, 24)
        middle = pictures[:, :, 11:13, 11:13].float().mean(dim=(0, 2, 3))
        assert middle[0] > 2 * middle[1] and middle[0] > 2 * middle[2]
    red = lambda p: ((p[:, 0].float() - p[:, 1].float()) > 60).sum()  # noqa: E731
    assert red(squares) > 1.02 * red(discs)
    table = toy_similarity()
    assert torch.equal(table, table.T) and table[KNOWN.index("red disc"), KNOWN.index("red square")] == pytest.approx(
        2 / 3
    )
    assert table[KNOWN.index("red disc"), KNOWN.index("pink disc")] == pytest.approx(1 / 3)  # the hues are a circle
    assert table[KNOWN.index("red disc"), KNOWN.index("blue disc")] == 0


def test_a_toy_model_trains_and_its_title_is_its_number() -> None:
    run = train_toy(3, seed=1, steps=2)
    assert train_toy(3, seed=1, steps=2) is run
    assert run.known.shape == (240,) and run.withheld.shape == (160,) and set(run.nearest) == set(WITHHELD)
    assert f"{run.scores.near_auroc:.2f}" in finding_toy(run)
    assert len(ranked.draw_toy_scores([run, run]).axes) == 2
    assert len(ranked.draw_toys().axes) == 8


def test_the_measured_runs_meet_the_criterion_and_the_titles_say_so() -> None:
    groups = by_method(measured.records())
    assert {"r=1 in", "r=3 in", "SoftMax"} <= set(groups)
    assert all(len(groups[name]) >= 3 for name in measured.COMPARED)
    assert verdict(measured.records())["met"]
    title = ranked.draw_ladders().axes[0].get_title(loc="left")
    falls = (np.diff(np.mean([run.ladder for run in groups["r=3 in"]], axis=0)) < 0).all()
    assert ("falls rung by rung" in title) == falls
    table = ranked.results()
    assert list(table.index) == list(groups) and "±" in table.loc["r=3 in", "accuracy"]
    assert len(ranked.draw_roc().axes) == 2
    for axes, name in zip(ranked.draw_landing().axes, ("dog", "watercraft"), strict=True):
        assert axes.get_title(loc="left").startswith(f"{name}: nearest to ")


def test_crops_are_of_their_classes() -> None:
    index = lessons.samples("train")
    sheets = ranked.known_crops(index, ("car", "turtle"), count=4)
    assert all(crops.shape == (4, 3, SIDE, SIDE) for crops in sheets.values())
    car, turtle = (sheets[name].float().mean(dim=(0, 2, 3)) for name in ("car", "turtle"))
    assert car[0] - car[1] > turtle[0] - turtle[1]  # cars are mostly red, turtles mostly green
    assert ranked.far_crops(index, 3).shape == (3, 3, SIDE, SIDE)
    texts = [text for axes in ranked.draw_crops(sheets, ["car"]).axes for text in axes.texts]
    assert [text.get_text() for text in texts] == ["car", "turtle"] and texts[0].get_color() != texts[1].get_color()


def test_quirks_are_those_of_the_released_loss() -> None:
    table = released_pulls(["bird", "cow", "cat"]).set_index("class")
    assert table.loc["bird", "nobody asked for"] == "person"
    assert table.loc["cow", "pulled by the second term"] == "(left out)" and table.loc["cat", "nobody asked for"] == "-"
    figure, numbers = draw_hard_positive()
    limit = math.degrees(math.acos(1 - 0.1 * math.log(1e7 - 1)))
    assert f"At {math.ceil(limit)}°" in numbers and f"{math.ceil(limit)}°" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    ("check", "known"),
    [(checks.temperature, mistakes.TEMPERATURE), (checks.in_term, mistakes.IN_TERM), (checks.auroc, mistakes.AUROC)],
)
def test_every_known_mistake_is_recognised_as_itself(check: Any, known: tuple[Any, ...]) -> None:
    for mistake in known:
        assert check(mistake.answer).message == mistake.because
    assert check(None).state == "unanswered" and check(lambda *_: None).state == "unanswered"
    assert "it should be" in check(lambda *_: 0.123).message


def test_right_answers_are_right() -> None:
    assert checks.temperature(lambda s, low, high: low + (1 - s) * (high - low)).ok
    assert checks.in_term(mistakes.in_term).ok
    assert checks.auroc(lambda a, b: sum((x > y) + 0.5 * (x == y) for x in a for y in b) / len(a) / len(b)).ok


def test_the_right_in_term_is_the_library_s() -> None:
    cosines, rank = [0.9, 0.4, 0.7, 0.1, -0.5], [0, 0, 1, 2, 3]
    from clab_lite.methods.ranked.loss import rank_terms

    taus = torch.tensor([[0.1, 0.3, 0.5]], dtype=torch.float64)
    terms = rank_terms(torch.tensor([cosines], dtype=torch.float64), torch.tensor([rank]), taus, "in")
    for number, term in enumerate(terms):
        assert float(term) == pytest.approx(mistakes.in_term(cosines, rank, number, float(taus[0, number])))


def test_records_that_are_not_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from clab_lite.errors import DataError

    measured.records.cache_clear()
    monkeypatch.setattr("clab_lite.lessons.ranked.measured.samples_folder", lambda: tmp_path)
    with pytest.raises(DataError, match="ranked-sweep"):
        measured.records()
