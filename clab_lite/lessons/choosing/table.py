"""The four methods in one table, and the measured numbers in another."""

from __future__ import annotations

import math

import pandas as pd
from pandas.io.formats.style import Styler

from clab_lite.lessons.choosing.facts import FACTS, NAMES
from clab_lite.lessons.choosing.measured import cost_of_a_step
from clab_lite.lessons.tables import left
from clab_lite.study.comparison import Comparison, effects
from clab_lite.study.paired import SeedMean

_ROWS = {
    "positive": "attracts",
    "negative": "repels",
    "feature": "which feature",
    "when": "when",
    "told": "must be told",
}


def four_methods(comparison: Comparison) -> Styler:
    """One column for each method, one row for each question; the last two rows are measured."""
    found = {effect.arm: effect for effect in effects(comparison)}
    columns: dict[str, list[str]] = {}
    for arm, facts in FACTS.items():
        cells = [getattr(facts, field) for field in _ROWS]
        columns[f"{facts.name} (lesson {facts.lesson})"] = [*cells, _cost(comparison, arm), _gave(found, arm)]
    rows = [*_ROWS.values(), "costs here", "gave here (AP50)"]
    style = left(pd.DataFrame(columns, index=rows), index=True)
    return style.set_properties(**{"white-space": "normal", "vertical-align": "top", "width": "21%"})


def results(comparison: Comparison, measure: str = "all") -> pd.DataFrame:
    """Every arm: AP50 (mean over seeds), difference to scratch with its interval, p, p after paying, seconds."""
    base = comparison.of("scratch")
    rows = []
    for effect in effects(comparison, measure=measure):
        value = effect.difference
        rows.append((NAMES[effect.arm], len(value.values), effect.value.mean, value.mean, value.low, value.high,
                     value.p_value, effect.corrected, round(effect.seconds.mean)))  # fmt: skip
    mean = sum(record.ap[measure] for record in base) / len(base) if base else math.nan
    seconds = round(sum(record.seconds for record in base) / len(base)) if base else 0
    first = (NAMES["scratch"], len(base), mean, *[math.nan] * 5, seconds)
    names = ["arm", "seeds", "AP50", "difference", "low", "high", "p", "p, all looks paid", "processor s"]
    return pd.DataFrame([first, *rows], columns=names)


def gift_and_worth(comparison: Comparison, measure: str = "all") -> Styler:
    """What a pre-training adds at equal steps of the detector, and at equal cost; and what more steps alone add.

    Differences of AP50 with their intervals, in words.
    """
    given = {effect.arm: effect.difference for effect in effects(comparison, "short", measure)}
    paid = {effect.arm: effect.difference for effect in effects(comparison, "scratch", measure)}
    rows = [("more steps from scratch", signed(given["scratch"]), "the baseline")] if "scratch" in given else []
    rows += [
        (FACTS[arm].name, signed(given[arm]), signed(paid[arm]))
        for arm in ("ranked", "crosscl", "codo")
        if arm in given and arm in paid
    ]  # fmt: skip
    columns = ["the time spent on", "gives: against fewer steps", "is worth: against more steps"]
    return left(pd.DataFrame(rows, columns=columns))


def _cost(comparison: Comparison, arm: str) -> str:
    """Of one run, in words."""
    if not comparison.of(arm):  # type: ignore[arg-type]
        return "not measured"
    before, detector = cost_of_a_step(comparison, arm)  # type: ignore[arg-type]
    _, alone = cost_of_a_step(comparison, "scratch")
    if not before:
        return f"{100 * (detector / alone - 1):+.0f} % of the detector's step ({detector:.2f} s)"
    steps = comparison.of(arm)[0].arm.pretrain_steps  # type: ignore[arg-type]
    return f"{steps} steps of {before:.2f} s: as long as {steps * before / alone:.0f} steps of the detector"


def _gave(found: dict, arm: str) -> str:
    if arm not in found:
        return "not measured"
    return signed(found[arm].difference)


def signed(value: SeedMean) -> str:
    """+0.012 [-0.034, +0.058]; without brackets where there are too few seeds."""
    interval = f" [{value.low:+.3f}, {value.high:+.3f}]" if value.enough else ", too few seeds"
    return f"{value.mean:+.3f}{interval}"
