"""What the auxiliary branch changed, from real runs: differences to the baseline, paired by seed, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd

from clab_lite.metrics.certainty import LEVEL
from clab_lite.study import paired
from clab_lite.study.record import Record
from clab_lite.study.setting import Setting

SURE = 1 - LEVEL
When = Literal["end", "fade"]
"""Embedding scores at the end of training, or when the weight reached zero (where it never does: at the end)."""


def paired_runs(study: Any, when: When = "end") -> pd.DataFrame:
    """Every run with the branch beside the baseline of the same seed and the same everything else.

    Args:
        study: a `clab_lite.study.Study`: of its records, setting, ap, videos and moments are read.
        when: of which moment the embedding scores are.

    Returns:
        One row per pair and measure: setting (in words), videos (judged on), seed, measure ("AP50 all", "object
        silhouette" ...), baseline, value. A run without a baseline is left out (`unpaired` counts them).
    """
    names = _names([record.setting for record in study.records if record.setting.start > 0])
    rows = []
    for pair in paired.pairs(study.records):
        setting, own, other = pair.run.setting, *_measures(pair, when)
        about = {"setting": names[setting.arm], "videos": pair.run.videos, "seed": setting.seed}
        for measure in own:
            if measure in other:
                rows.append({**about, "measure": measure, "baseline": other[measure], "value": own[measure]})
    return pd.DataFrame(rows, columns=["setting", "videos", "seed", "measure", "baseline", "value"])


def unpaired(study: Any) -> list[str]:
    """Names of runs with the branch that have no baseline of their seed, data and steps, judged on the same videos."""
    return [record.setting.name for record in paired.unpaired(study.records)]


def table_of_effects(study: Any, when: When = "end") -> pd.DataFrame:
    """Mean differences to the baseline over seeds, one row per setting and measure.

    Arguments as in `paired_runs`. Columns: setting, videos, measure, seeds (pairs), baseline and with_branch (means),
    difference, low, high (95 %, Student's t over seeds), p_value; the last three NaN below MIN_SEEDS seeds.
    """
    rows = []
    for names, group in paired_runs(study, when).groupby(["setting", "videos", "measure"], sort=False):
        found = paired.over_seeds(group["value"] - group["baseline"])
        means = group["baseline"].mean(), group["value"].mean()
        rows.append((*names, len(found.values), *means, found.mean, found.low, found.high, found.p_value))
    numbers = ["baseline", "with_branch", "difference", "low", "high", "p_value"]
    table = pd.DataFrame(rows, columns=["setting", "videos", "measure", "seeds", *numbers])
    return table.astype(dict.fromkeys(numbers, float))


def settings_of(effects: pd.DataFrame) -> list[str]:
    """Settings in words: those with most seeds first, of these the fading ones, as published, before fixed ones."""
    most = effects.groupby("setting")["seeds"].max()
    return sorted(most.index, key=lambda name: (-most[name], "linear" not in name, name))


def conclusion(effects: pd.DataFrame) -> str:
    """What a table of effects says as a whole, when one remembers how many numbers were looked at: those of this table
    that have an interval, and no others.
    """
    known = effects.dropna(subset=["p_value"])
    if not len(known):
        return (
            f"No interval: fewer than {paired.MIN_SEEDS} pairs of runs per setting cannot tell an effect from chance."
        )
    sure = known[known["p_value"] <= SURE]
    text = f"{len(sure)} of {len(known)} intervals leave out zero; by chance alone about {SURE * len(known):.1f} would."
    strong = known[known["p_value"] * len(known) <= SURE]
    looks = _looks(known)
    if not len(strong):
        return f"{text} None stays when {looks} are paid for (p times {len(known)} above {SURE:.2f})."
    names = "; ".join(f"{row.setting}: {row.measure} {row.difference:+.3f}" for row in strong.itertuples())
    return f"{text} After paying for {looks}, {len(strong)} stay{'s' if len(strong) == 1 else ''}: {names}."


def _looks(known: pd.DataFrame) -> str:
    """What `conclusion` pays for, in words: one who looked at more has more to pay."""
    settings, measures = known["setting"].nunique(), known["measure"].nunique()
    parts = f"{measures} measure{'s' * (measures != 1)} of {settings} setting{'s' * (settings != 1)}"
    return f"the {len(known)} look{'s' * (len(known) != 1)} of this table ({parts}, no others)"


def in_words(row: Any) -> str:
    """One row of the table as a sentence: the difference, its interval, and on which side of zero it lies."""
    value = f"{row.measure}: {row.difference:+.3f}"
    if math.isnan(row.low):
        return f"{value}, too few seeds for an interval ({row.seeds})"
    side = "above zero" if row.low > 0 else "below zero" if row.high < 0 else "zero lies inside"
    return f"{value}, interval {row.low:+.3f} to {row.high:+.3f} over {row.seeds} seeds: {side}"


def _names(settings: Sequence[Setting]) -> dict[Setting, str]:
    """Setting without its seed -> in words; of what is beside the contrast, only what differs from most runs."""
    beside = [asdict(setting.arm.baseline()) for setting in settings]  # of the contrast all of these have the same
    usual = {
        name: Counter(fields[name] for fields in beside).most_common(1)[0][0] for name in (beside[0] if beside else ())
    }
    answer = {}
    for setting, fields in zip(settings, beside, strict=True):
        other = [f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if value != usual[name]]
        answer[setting.arm] = ", ".join([_contrast(setting), *other])
    return answer


def _contrast(setting: Setting) -> str:
    fades = "constant" if setting.shape == "constant" else f"{setting.shape} to 0 at {setting.until:g}"
    return f"{setting.level}, {setting.start:g} {fades}, τ {setting.temperature:g}"


def _measures(pair: paired.Pair, when: When) -> tuple[dict[str, float], dict[str, float]]:
    """Every number of a run, and of its baseline: AP50 and, of the moment that is asked for, the embedding scores."""
    off = paired.weight_off(pair.run) if when == "fade" else None
    moment = off or pair.run.moments[-1]
    other = pair.beside(moment)
    return _numbers(pair.run, moment.scores), _numbers(pair.baseline, other.scores if other else {})


def _numbers(record: Record, scores: Mapping[str, Any]) -> dict[str, float]:
    ap = {f"AP50 {name.replace('_', ' ')}": float(value) for name, value in record.ap.items() if _known(value)}
    return ap | dict(_flat(scores))


def _flat(scores: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        words = f"{before} {name.replace('_', ' by ')}".strip()
        if isinstance(value, Mapping):
            yield from _flat(value, words)
        elif _known(value):
            yield words, float(value)


def _known(value: Any) -> bool:
    return isinstance(value, int | float | np.floating) and not math.isnan(value)
