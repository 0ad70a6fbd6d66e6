"""Lesson 14: tables, figures and the advice, on a made comparison with known numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields
from typing import Any, get_args

import pytest

from clab_lite.lessons import choosing
from clab_lite.lessons.choosing.decision import Goal, Labels
from clab_lite.lessons.choosing.facts import NAMES, MethodName
from clab_lite.lessons.choosing.figures import finding
from clab_lite.lessons.choosing.table import signed
from clab_lite.show.style import to_png
from clab_lite.study.comparison import ARMS, ArmRecord, Comparison, effects
from clab_lite.study.comparison.arms import arm
from clab_lite.study.paired import over_seeds

_GAINS = {"scratch": 0.0, "short": -0.06, "branch": 0.01, "ranked": 0.002, "crosscl": -0.01, "codo": 0.03}
_NOISE = (0.001, -0.001, 0.002, -0.002)


def made(arms: Any = ARMS, seeds: int = 4, spread: float = 1.0) -> Comparison:
    """Seconds: 100 for the detector alone, 40 + 60 after a pre-training, 60 for the short run."""
    records = []
    for name, seed in itertools.product(arms, range(seeds)):
        before = 40.0 if name in ("ranked", "crosscl", "codo") else 0.0
        noise = 0.0 if name == "scratch" else spread * _NOISE[(seed + ARMS.index(name)) % 4]
        ap = dict.fromkeys(choosing.MEASURES.values(), 0.4 + 0.02 * seed + _GAINS[name] + noise)
        after = 100.0 if name in ("scratch", "branch") else 60.0
        records.append(ArmRecord(arm(name, seed), ap, before, after, {}, "", "made videos", {}))
    return Comparison(tuple(records), "make it")


def test_every_method_answers_every_question() -> None:
    assert tuple(choosing.FACTS) == get_args(MethodName) == ("branch", "ranked", "crosscl", "codo")
    for facts in choosing.FACTS.values():
        assert all(getattr(facts, field.name) for field in fields(facts))


def test_the_table_holds_words_and_measured_numbers() -> None:
    comparison = made()
    table = choosing.four_methods(comparison).data
    assert [name.split(" (")[0] for name in table] == [facts.name for facts in choosing.FACTS.values()]
    assert table.loc["attracts"].iloc[0] == "two frames of one video"
    cost, gave = table.loc["costs here"], table.loc["gave here (AP50)"]
    assert cost.iloc[0].startswith("+0 % of the detector's step")
    steps = arm("codo").pretrain_steps
    per_step = 100.0 / arm("scratch").steps
    assert cost.iloc[3] == f"{steps} steps of {40 / steps:.2f} s: as long as {40 / per_step:.0f} steps of the detector"
    assert gave.iloc[3] == signed({e.arm: e for e in effects(comparison)}["codo"].difference)
    assert gave.iloc[3].startswith("+0.030 [")
    assert choosing.four_methods(made(["scratch", "codo"])).data.loc["gave here (AP50)"].iloc[0] == "not measured"


def test_results_are_those_of_the_effects() -> None:
    table = choosing.results(made()).set_index("arm")
    assert list(table.index) == list(NAMES.values())
    assert math.isnan(table.loc["from scratch", "difference"]) and table.loc["from scratch", "AP50"] == pytest.approx(
        0.43
    )
    row = table.loc["CoDo-style first"]
    assert row["difference"] == pytest.approx(0.03) and row["low"] < 0.03 < row["high"]
    assert row["p, all looks paid"] == pytest.approx(min(1, 5 * row["p"])) and row["processor s"] == 100
    assert choosing.p_values(made())["CoDo-style first"] == pytest.approx(row["p"])


def test_a_gift_and_what_it_is_worth() -> None:
    """Given for nothing a pre-training adds 0.09 to the short run; paid for, 0.03."""
    table = choosing.gift_and_worth(made()).data.set_index("the time spent on")
    assert list(table.index) == ["more steps from scratch", "ranked contrast", "CrossCL", "CoDo-style"]
    assert table.iloc[0, 0].startswith("+0.060 [") and table.iloc[0, 1] == "the baseline"
    assert table.loc["CoDo-style"].iloc[0].startswith("+0.090 [")
    assert table.loc["CoDo-style"].iloc[1].startswith("+0.030 [")


def test_what_came_out_in_words() -> None:
    first, gift, paid = choosing.came_out(made()).split("\n")
    assert first.startswith(
        f"{arm('scratch').steps} steps in place of {arm('short').steps}: +0.060 AP50, interval +0.0"
    )
    assert gift.endswith("3 of 3 better in the mean (+0.050 to +0.090); intervals above zero: 3, below: 0.")
    assert paid.endswith("2 of 3 better in the mean (-0.010 to +0.030); intervals above zero: 1, below: 1.")
    assert choosing.came_out(made(["scratch"])) == "Not measured."
    assert "too few seeds" in choosing.came_out(made(seeds=2))


def test_words_of_the_setting() -> None:
    words = choosing.setting_in_words(made())
    assert (
        words.startswith("24 runs of 4 seeds; 32 labelled videos; ") and "made videos" in words and "make it" in words
    )
    assert choosing.cost_of_a_step(made(), "scratch") == (0.0, 100 / arm("scratch").steps)


def test_reach_of_an_interval() -> None:
    """Student's t: 4.303 with two degrees of freedom, 3.182 with three."""
    assert choosing.reach(made(seeds=3), 0.03).half == pytest.approx(4.3027 * 0.03 / math.sqrt(3), rel=1e-4)
    assert str(choosing.reach(made(), 0.03)).startswith("4 seeds: t = 3.18; the interval reaches 3.18 x 0.03 / sqrt(4)")


def test_titles_say_what_the_numbers_say() -> None:
    assert finding(effects(made())).startswith("4 of 5 intervals leave out zero (2 above, 2 below); ")
    assert finding(effects(made(spread=100.0))) == "0 of 5 intervals leave out zero"
    assert finding(effects(made(seeds=2))) == "No intervals: too few seeds"
    one = effects(made(["scratch", "codo"]))
    assert finding(one) == "1 of 1 intervals leave out zero (1 above, 0 below); 1 when the 1 looks are paid for"
    assert signed(over_seeds([0.1, 0.2])) == "+0.150, too few seeds"


@pytest.mark.parametrize("measure", choosing.MEASURES)
@pytest.mark.parametrize("baseline", ["scratch", "short"])
def test_figures_of_every_choice(measure: str, baseline: Any) -> None:
    figure, words = choosing.explore_comparison(made())(measure, baseline)
    assert words.startswith(f"AP50, {measure}: ") and words.count("[") == 5
    assert to_png(figure, 40).startswith(b"\x89PNG")
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert shown == list(NAMES.values())


def test_figures_with_few_arms_and_unknown_numbers() -> None:
    few = made(["scratch", "codo"], seeds=1)
    to_png(choosing.draw_comparison(few), 40)
    assert to_png(choosing.draw_costs(made()), 40) and to_png(choosing.draw_costs(few), 40)
    figure = choosing.draw_costs(made())
    assert figure.axes[0].get_title(loc="left") == "All but the short run cost the same within 0 %"


def _all_situations() -> list[choosing.Situation]:
    yes = (True, False)
    return [choosing.Situation(*one) for one in itertools.product(get_args(Labels), yes, yes, get_args(Goal), yes, yes)]


def test_advice_follows_from_what_a_method_must_be_told() -> None:
    order = ("none", "boxes", "classes")
    for situation in _all_situations():
        advice = {one.method: one for one in choosing.advise(situation)}
        assert list(advice) == list(choosing.FACTS) and all(one.because.endswith(".") for one in advice.values())
        for method, one in advice.items():
            needed = choosing.FACTS[method].labels
            if order.index(situation.labels) < order.index(needed):
                assert one.word == "no", (method, situation)
            if method != "branch" and not situation.extra_stage:
                assert one.word == "no"
    words = {one.method: one.word for one in choosing.advise(choosing.Situation(labels="none"))}
    assert words == {"branch": "no", "ranked": "no", "crosscl": "fits", "codo": "no"}
    words = {one.method: one.word for one in choosing.advise(choosing.Situation(goal="similar classes"))}
    assert words["ranked"] == "fits" and words["codo"] == "no"
    assert choosing.advise(choosing.Situation(videos=False))[0].word == "no"
    first = [{one.word for one in choosing.advise(choosing.Situation(longer_helps=yes))[1:]} for yes in (True, False)]
    assert first == [{"possible"}, {"possible", "fits"}]


def test_cards_of_every_situation_fit() -> None:
    """The words end above the numbers, in every card."""
    draw = choosing.explore_decision(made())
    for situation in _all_situations()[::13]:
        figure, words = draw(*(getattr(situation, field.name) for field in fields(situation)))
        assert words
        to_png(figure, 40)
    for situation in _all_situations():
        for one in choosing.advise(situation):
            assert len(one.because) <= 90, one
    assert to_png(choosing.draw_decision(choosing.Situation()), 40)
