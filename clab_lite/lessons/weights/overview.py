"""All measured runs at once: a score against the start weight, each seed a dot; is a difference more than noise?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.lessons.weights.shares import number
from clab_lite.metrics.certainty import LEVEL
from clab_lite.show.style import GREY, INK, PALE, class_style, heading, new_figure, quiet
from clab_lite.study.paired import SeedMean, over_seeds, pairs

_MARKERS = "os^vPX<>p*"
"""A shape for each setting: two colours may look alike."""
Score = Callable[[Any], float]
"""A number of one record."""


@dataclass(frozen=True)
class Arm:
    """Runs that differ in their seed only."""

    start: float
    label: str
    """What else distinguishes it: "frame, linear to 0 at 0.5"."""
    records: list[Any]


def arms_of(study: Any) -> list[Arm]:
    """The arms of the largest part of a study that can be compared, by label, then by start weight.

    Comparable: the same clips per batch, training videos and steps, judged on the same videos.
    """
    families: dict[tuple[Any, ...], list[Any]] = {}
    for record in study.records:
        families.setdefault((record.setting.arm.baseline(), record.videos), []).append(record)
    if not families:
        raise DataError("the study has no record. Make it anew with `clab-lite study`.")
    chosen = max(families.values(), key=len)
    arms: dict[tuple[float, str], list[Any]] = {}
    for record in chosen:
        arms.setdefault((record.setting.start, _label(record.setting)), []).append(record)
    return [Arm(start, label, records) for (start, label), records in sorted(arms.items(), key=lambda a: a[0][::-1])]


def final_ap(name: str = "all") -> Score:
    """AP50 at the end on the held-out videos: "all", "clean", "troubled", one trouble, "slow", "medium" or "fast"."""
    return lambda record: float(record.ap.get(name, float("nan")))


def final_score(level: str, name: str) -> Score:
    """The score of that name at a record's last moment; NaN where it was not measured."""
    return lambda record: float(record.moments[-1].scores.get(level, {}).get(name, float("nan")))


def against_start(study: Any, scores: Sequence[tuple[str, Score]]) -> Figure:
    """One panel for each (name, score): every run a dot at its start weight, bars the 95 % interval of the mean."""
    arms = arms_of(study)
    starts = sorted({arm.start for arm in arms})
    labels = sorted({arm.label for arm in arms if arm.start > 0})
    figure, axes = new_figure(9.5, 2.5 * len(scores) + 0.7, len(scores), 1, sharex=True)
    for panel, (name, score) in zip(axes, scores, strict=True):
        places = {(arm.start, arm.label): _place(arm, starts, labels) for arm in arms}
        _join_seeds(panel, arms, score, places)
        for arm in arms:
            _draw_arm(panel, arm, score, places[arm.start, arm.label], labels)
        panel.set_ylabel(name, fontsize=10, color=GREY)
        heading(panel, finding(arms, name, score))
        quiet(panel)
    axes[-1].set_xlim(-0.5, len(starts) - 0.5)
    axes[-1].set_xticks(range(len(starts)), [number(start) for start in starts])
    axes[-1].set_xlabel("start weight (0: baseline)", fontsize=10, color=GREY)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def gain(arm: Arm, arms: Sequence[Arm], score: Score, level: float = LEVEL) -> SeedMean:
    """Score of the arm's runs minus that of the baseline with the same seed; without values for the baseline's arm."""
    found = pairs([*(record for other in arms if other.start == 0 for record in other.records), *arm.records])
    return over_seeds((score(pair.run) - score(pair.baseline) for pair in found), level)


def finding(arms: Sequence[Arm], name: str, score: Score) -> str:
    """The title: the weight with the best mean, and whether its paired gain over weight 0 is more than noise.

    Intervals are widened for the number of settings among which the best was picked.
    """
    gains = [(gain(arm, arms, score), arm) for arm in arms if arm.start > 0]
    gains = [(found, arm) for found, arm in gains if found.values]
    several = [(found, arm) for found, arm in gains if found.enough]
    # Whoever takes the best of k needs k times the certainty (Bonferroni).
    several = [(gain(arm, arms, score, 1 - (1 - LEVEL) / len(several)), arm) for _, arm in several]
    if not gains:
        return f"{name}: no run to compare with weight 0 and the same seed"
    best, arm = max(several or gains, key=lambda pair: pair[0].mean)
    sure = [found for found, _ in several]
    worse = sum(found.high < 0 for found in sure)
    among = " of three seeds or more" if 0 < len(several) < len(gains) else ""
    which = f"best mean{among} at weight {number(arm.start)} ({arm.label})"
    change = f"{best.mean:+.3f} against weight 0 with the same seed"
    if not best.enough:
        verdict = "too few seeds to tell"
    elif best.low > 0:
        verdict = f"more than seed noise ({best.low:+.3f} to {best.high:+.3f})"
    elif best.high < 0:
        verdict = f"even that is a loss ({best.low:+.3f} to {best.high:+.3f})"
    else:
        verdict = f"within noise ({best.low:+.3f} to {best.high:+.3f})"
    tail = f"\n{worse} of {len(sure)} weighted settings are clearly below weight 0" if worse else ""
    return f"{name}: {which}\n{change}: {verdict}{tail}"


def table(study: Any, scores: Sequence[tuple[str, Score]]) -> Any:
    """pandas table, by start weight: one row per arm, per score the mean, and the paired gain over weight 0."""
    import pandas as pd

    arms, rows = arms_of(study), []
    for arm in arms:
        row: dict[str, Any] = {"start": number(arm.start), "schedule": arm.label, "seeds": len(arm.records)}
        for name, score in scores:
            row[name] = f"{over_seeds(map(score, arm.records)).mean:.3f}"
            change = gain(arm, arms, score)
            gained = f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]" if change.enough else ""
            row[f"{name}: gain [95 %]"] = gained
        rows.append(row)
    return pd.DataFrame(rows).set_index("start")


def _place(arm: Arm, starts: Sequence[float], labels: Sequence[str]) -> float:
    """Where an arm stands: at its start weight, beside the other arms of that weight."""
    aside = 0.7 * ((labels.index(arm.label) + 0.5) / len(labels) - 0.5) if arm.start > 0 else 0.0
    return starts.index(arm.start) + aside


def _join_seeds(axes: Axes, arms: Sequence[Arm], score: Score, places: dict[tuple[float, str], float]) -> None:
    """A pale line for each seed and each label, from weight 0 through the weights in their order."""
    found = pairs([record for arm in arms for record in arm.records])
    base = {pair.run.setting.seed: (places[0.0, "weight 0"], score(pair.baseline)) for pair in found}
    paths: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for arm in arms:
        for record in arm.records if arm.start > 0 else ():
            seed = record.setting.seed
            path = paths.setdefault((arm.label, seed), [base[seed]] if seed in base else [])
            path.append((places[arm.start, arm.label], score(record)))
    for path in paths.values():
        axes.plot(*zip(*path, strict=True), color=PALE, linewidth=1, zorder=0.5)


def _draw_arm(axes: Axes, arm: Arm, score: Score, x: float, labels: Sequence[str]) -> None:
    values = [score(record) for record in arm.records]
    found = over_seeds(values)
    position = labels.index(arm.label) if arm.start > 0 else 0
    colour = class_style(position)[0] if arm.start > 0 else INK
    marker = _MARKERS[position % len(_MARKERS)] if arm.start > 0 else "D"
    label = arm.label if arm.start > 0 else "weight 0"
    shown = axes.get_legend_handles_labels()[1]
    axes.plot([x] * len(values), values, marker, color=colour, markersize=5, alpha=0.65, linestyle="",
              label="_" if label in shown else label)  # fmt: skip
    if found.enough:
        axes.errorbar(x + 0.02, found.mean, found.half, color=colour, fmt="_", markersize=9, linewidth=1.3, capsize=2)


def _label(setting: Any) -> str:
    if setting.start == 0:
        return "weight 0"
    until = "" if setting.shape == "constant" else f" to 0 at {number(setting.until)}"
    temperature = "" if setting.temperature == 0.1 else f", τ {number(setting.temperature)}"
    return f"{setting.level}, {setting.shape}{until}{temperature}"
