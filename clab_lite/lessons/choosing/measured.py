"""The measured comparison that is shipped, and what the lesson computes from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from clab_lite.lessons.choosing.facts import NAMES
from clab_lite.lessons.places import samples_folder
from clab_lite.metrics.certainty import LEVEL, student_quantile
from clab_lite.study.comparison import Comparison, effects, open_comparison
from clab_lite.study.comparison.arms import ArmName
from clab_lite.study.paired import SeedMean


@cache
def measured() -> Comparison:
    """The shipped runs, read once.

    Raises:
        DataError: data_samples/methods/comparison is not there.
    """
    return open_comparison(samples_folder() / "methods" / "comparison")


def setting_in_words(comparison: Comparison) -> str:
    """How the runs were made, in two lines: runs, seeds, labelled videos, steps, what they were judged on."""
    records = comparison.records
    seeds = sorted({record.arm.seed for record in records})
    labelled = sorted({record.arm.labelled for record in records})
    long, short = (max(record.arm.steps for record in records), min(record.arm.steps for record in records))
    judged = sorted({record.videos for record in records})
    return (
        f"{len(records)} runs of {len(seeds)} seeds; {' and '.join(map(str, labelled))} labelled videos; "
        f"{long} steps of the detector, {short} after a pre-training\n"
        f"judged on {' and '.join(judged)}. To make them again: {comparison.command}"
    )


def cost_of_a_step(comparison: Comparison, name: ArmName) -> tuple[float, float]:
    """Processor seconds of one step of pre-training (0 without one) and of the detector, mean over the arm's runs."""
    runs = comparison.of(name)
    before = sum(run.pretrain_seconds for run in runs)
    steps = sum(run.arm.pretrain_steps for run in runs)
    detector = sum(run.detector_seconds for run in runs) / sum(run.arm.steps for run in runs)
    return (before / steps if steps else 0.0, detector)


def came_out(comparison: Comparison, measure: str = "all") -> str:
    """What the runs say, in three lines: more steps alone, pre-trainings as a gift, pre-trainings that are paid for."""
    before = ("ranked", "crosscl", "codo")
    given = {effect.arm: effect.difference for effect in effects(comparison, "short", measure)}
    paid = [e.difference for e in effects(comparison, "scratch", measure) if e.arm in before]
    gifts = [value for arm, value in given.items() if arm in before]
    if not comparison.of("short") or not comparison.of("scratch") or not paid:
        return "Not measured."
    long, short = comparison.of("scratch")[0].arm.steps, comparison.of("short")[0].arm.steps
    return (
        f"{long} steps in place of {short}: {given['scratch'].mean:+.3f} AP50, {_told(given['scratch'])}.\n"
        f"A pre-training as a gift: {_tally(gifts)}.\n"
        f"A pre-training that is paid for: {_tally(paid)}."
    )


def _told(value: SeedMean) -> str:
    if not value.enough:
        return "too few seeds for an interval"
    return f"interval {value.low:+.3f} to {value.high:+.3f}"


def _tally(values: list[SeedMean]) -> str:
    """2 of 3 better in the mean (+0.010 to +0.020 ...), 1 interval above zero, 0 below."""
    better = sum(value.mean > 0 for value in values)
    means = sorted(value.mean for value in values)
    above, below = sum(value.low > 0 for value in values), sum(value.high < 0 for value in values)
    return (
        f"{better} of {len(values)} better in the mean ({means[0]:+.3f} to {means[-1]:+.3f}); "
        f"intervals above zero: {above}, below: {below}"
    )


@dataclass(frozen=True)
class Reach:
    """How far an interval goes to either side."""

    seeds: int
    t: float
    """Of Student's distribution, 95 %."""
    spread: float
    """Standard deviation of the differences."""

    @property
    def half(self) -> float:
        """Half the length of the interval: a mean difference below it is not told from zero."""
        return self.t * self.spread / math.sqrt(self.seeds)

    def __str__(self) -> str:
        return (
            f"{self.seeds} seeds: t = {self.t:.2f}; the interval reaches {self.t:.2f} x {self.spread:g} / "
            f"sqrt({self.seeds}) = {self.half:.3f} to either side"
        )


def reach(comparison: Comparison, spread: float) -> Reach:
    """For as many seeds as `scratch` has, if differences of pairs spread so much."""
    seeds = len(comparison.of("scratch"))
    return Reach(seeds, student_quantile(LEVEL, seeds - 1), spread)


def p_values(comparison: Comparison) -> dict[str, float]:
    """How likely a mean difference to `scratch` so far from zero would be if there were none, by arm."""
    return {NAMES[found.arm]: found.difference.p_value for found in effects(comparison)}
