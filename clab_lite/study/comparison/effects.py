"""What an arm gave: differences to the baseline of the same seed, and how sure their mean is."""

from __future__ import annotations

from dataclasses import dataclass

from clab_lite.study.comparison.arms import ARMS, BASELINE, ArmName
from clab_lite.study.comparison.store import Comparison
from clab_lite.study.paired import SeedMean, over_seeds


@dataclass(frozen=True)
class Effect:
    """One arm beside the baseline."""

    arm: ArmName
    baseline: ArmName
    value: SeedMean
    """The number itself, over seeds."""
    difference: SeedMean
    """The arm minus the baseline of the same seed. Interval by Student's t over the seeds' differences."""
    seconds: SeedMean
    """Processor time of pre-training and training together."""
    looks: int
    """How many differences are looked at beside this one, with it."""

    @property
    def corrected(self) -> float:
        """The p-value, paid for the looks (Bonferroni), at most 1; NaN with fewer than three seeds."""
        p = self.difference.p_value
        return min(p * self.looks, 1.0) if p == p else p


def effects(comparison: Comparison, baseline: ArmName = BASELINE, measure: str = "all") -> list[Effect]:
    """Every arm that was run beside the baseline, in the order of ARMS; only seeds that both have count."""
    base = {record.arm.seed: record for record in comparison.of(baseline)}
    arms = [name for name in ARMS if name != baseline and comparison.of(name)]
    found = []
    for name in arms:
        runs = [record for record in comparison.of(name) if record.arm.seed in base]
        values = [record.ap.get(measure, float("nan")) for record in runs]
        gaps = [
            value - base[run.arm.seed].ap.get(measure, float("nan")) for value, run in zip(values, runs, strict=True)
        ]
        seconds = over_seeds(record.seconds for record in runs)
        found.append(Effect(name, baseline, over_seeds(values), over_seeds(gaps), seconds, len(arms)))
    return found
