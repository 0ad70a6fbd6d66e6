"""What the auxiliary branch changed, from real runs: differences to the baseline, paired by seed, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from clab_lite.errors import DataError
from clab_lite.metrics.certainty import student_outside, student_quantile

CONTRAST = ("level", "shape", "start", "until", "temperature")
"""Fields of a setting that say how the branch was used; a baseline (start 0) may have any."""
_NO_CONTEXT = (*CONTRAST, "seed")
LEVEL = 0.95
SURE = 1 - LEVEL
FEWEST = 3
"""Pairs from which there is an interval: two that happen to agree would look certain."""
When = Literal["end", "fade"]
"""Embedding scores at the end of training, or when the weight reached zero (or came nearest to it)."""


@dataclass(frozen=True)
class Effect:
    """Mean of paired differences.

    low, high: 95 % interval of Student's t; None below FEWEST pairs. p_value: two-sided, None likewise.
    """

    pairs: int
    mean: float
    low: float | None
    high: float | None
    p_value: float | None


def effect(differences: Sequence[float]) -> Effect:
    """The mean of differences between runs that share a seed, and how sure it is.

    Raises:
        DataError: there is no difference.
    """
    values = np.asarray(differences, float)
    if not len(values):
        raise DataError("there is no pair of runs to compare. Train both with the same seeds.")
    mean, freedom = float(values.mean()), len(values) - 1
    if len(values) < FEWEST:
        return Effect(len(values), mean, None, None, None)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = student_quantile(LEVEL, freedom) * error
    outside = student_outside(abs(mean) / error, freedom) if error > 0 else float(mean == 0)
    return Effect(len(values), mean, mean - reach, mean + reach, outside)


def paired_runs(study: Any, when: When = "end") -> pd.DataFrame:
    """Every run with the branch beside the baseline of the same seed and the same everything else.

    Args:
        study: a `clab_lite.study.Study`: of its records, setting, ap, videos and moments are read.
        when: of which moment the embedding scores are.

    Returns:
        One row per pair and measure: setting (in words), videos (judged on), seed, measure ("AP50 all", "object
        silhouette" ...), baseline, value. A run without a baseline is left out (`unpaired` counts them).
    """
    baselines = {_context(record): record for record in study.records if not _fields(record)["start"]}
    names = _names([record for record in study.records if _fields(record)["start"]])
    rows = []
    for record in study.records:
        fields, partner = _fields(record), baselines.get(_context(record))
        if not fields["start"] or partner is None:
            continue
        iteration = _moment_of(record, when)
        own, other = _measures(record, iteration), _measures(partner, iteration)
        about = {"setting": names[_key(fields)], "videos": record.videos, "seed": fields["seed"]}
        for measure in own:
            if measure in other:
                rows.append({**about, "measure": measure, "baseline": other[measure], "value": own[measure]})
    return pd.DataFrame(rows, columns=["setting", "videos", "seed", "measure", "baseline", "value"])


def unpaired(study: Any) -> list[str]:
    """Names of runs with the branch that have no baseline of their seed, data and steps, judged on the same videos."""
    baselines = {_context(record) for record in study.records if not _fields(record)["start"]}
    return [
        record.setting.name
        for record in study.records
        if _fields(record)["start"] and _context(record) not in baselines
    ]


def table_of_effects(study: Any, when: When = "end") -> pd.DataFrame:
    """Mean differences to the baseline over seeds, one row per setting and measure.

    Arguments as in `paired_runs`. Columns: setting, videos, measure, seeds (pairs), baseline and with_branch (means),
    difference, low, high (95 %, Student's t over seeds), p_value; the last three NaN below FEWEST seeds.
    """
    pairs, rows = paired_runs(study, when), []
    for names, group in pairs.groupby(["setting", "videos", "measure"], sort=False):
        found = effect((group["value"] - group["baseline"]).tolist())
        means = group["baseline"].mean(), group["value"].mean()
        rows.append((*names, found.pairs, *means, found.mean, found.low, found.high, found.p_value))
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
        return f"No interval: fewer than {FEWEST} pairs of runs per setting cannot tell an effect from chance."
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


def _fields(record: Any) -> dict[str, Any]:
    return asdict(record.setting)


def _context(record: Any) -> tuple[Any, ...]:
    """All that a run and its baseline share: the videos judged on, the seed, everything but the contrast."""
    fields = _fields(record)
    return record.videos, *(str(value) for name, value in fields.items() if name not in CONTRAST)


def _key(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(str(value) for name, value in fields.items() if name != "seed")


def _names(records: Sequence[Any]) -> dict[tuple[Any, ...], str]:
    """Key -> the setting in words; of what is beside the contrast, only what differs from most runs."""
    all_fields = [_fields(record) for record in records]
    names = [name for name in (all_fields[0] if all_fields else ()) if name not in _NO_CONTEXT]
    usual = {name: Counter(str(fields[name]) for fields in all_fields).most_common(1)[0][0] for name in names}
    answer = {}
    for fields in all_fields:
        other = [f"{name.replace('_', ' ')} {fields[name]}" for name in names if str(fields[name]) != usual[name]]
        answer[_key(fields)] = ", ".join([_contrast(fields), *other])
    return answer


def _contrast(fields: Mapping[str, Any]) -> str:
    fades = "constant" if fields["shape"] == "constant" else f"{fields['shape']} to 0 at {fields['until']:g}"
    return f"{fields['level']}, {fields['start']:g} {fades}, τ {fields['temperature']:g}"


def _moment_of(record: Any, when: When) -> int:
    """Iteration of the moment that is asked for."""
    moments = sorted(record.moments, key=lambda moment: moment.iteration)
    if not moments:
        return 0
    faded = [moment for moment in moments if moment.iteration > 0 and moment.weight == 0]
    return int((faded[0] if when == "fade" and faded else moments[-1]).iteration)


def _measures(record: Any, iteration: int) -> dict[str, float]:
    """Every number of a run: AP50 and, of the moment nearest to `iteration`, the embedding scores."""
    answer = {f"AP50 {name.replace('_', ' ')}": float(value) for name, value in record.ap.items() if _known(value)}
    if record.moments:
        moment = min(record.moments, key=lambda moment: abs(moment.iteration - iteration))
        answer |= dict(_flat(moment.scores))
    return answer


def _flat(scores: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        words = f"{before} {name.replace('_', ' by ')}".strip()
        if isinstance(value, Mapping):
            yield from _flat(value, words)
        elif _known(value):
            yield words, float(value)


def _known(value: Any) -> bool:
    return isinstance(value, int | float | np.floating) and not math.isnan(value)
