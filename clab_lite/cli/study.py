"""The command `study`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from clab_lite.cli.commands import IntOrDefault, PathOrDefault


@dataclass(frozen=True)
class Study:
    """Train the runs behind the lessons' measured curves: weights, shapes, seeds (hours on a CPU; may be stopped).

    Runs that are there are kept, when they were made of the same data, settings and versions; a run that was cut short
    begins anew."""

    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder with a run folder for each setting; at the end records.json, clouds.npz and two tables, as in
    data_samples/study. Several of these commands may work side by side in one folder."""
    plan: Literal["all", "effect", "weights", "search", "methods"] = "all"
    """effect: with and without contrast, five seeds. weights: what lesson 06 moves. search: other data and levels.
    methods (not in all): scratch, three pre-trainings and CLAB's branch at equal cost; needs a folder of its own."""
    data: PathOrDefault = None
    """Dataset folder. Default: data_samples here, or beside the package's source."""
    most: IntOrDefault = None
    """methods: make at most so many runs, then stop. Default: all."""
    gather: bool = False
    """Only write the study's files from the runs that are there."""

    after_interrupt: ClassVar[str] = "The same command goes on with the runs that are missing; this one begins anew."

    def run(self) -> int:
        return study(self)


def study(options: Study) -> int:
    """Make the runs that are missing, then write the study's files. 1 when a training diverged."""
    from clab_lite.files import try_folder
    from clab_lite.samples import find_samples
    from clab_lite.study.plans import PLANS
    from clab_lite.study.series import gather, make_missing

    if options.plan == "methods":
        return _methods(options)
    missing = []
    if not options.gather:
        try_folder(options.out)
        samples = options.data if options.data is not None else find_samples()
        for plan in PLANS if options.plan == "all" else (options.plan,):
            missing += make_missing(plan, samples, options.out)
    for left in missing:
        print(f"missing: {left.name}: {left.why}")
    diverged = sum(left.diverged for left in missing)
    if len(missing) > diverged:
        print(f"Missing: {len(missing) - diverged}. The same command makes those that another process gave up.")
    if diverged:
        remedy = "Change or drop their settings in clab_lite/study/plans.py"
        print(f"Diverged: {diverged}. The same command would only see them diverge again. {remedy}.")
    print(f"{gather(options.out)} runs: {options.out}")
    return int(diverged > 0)


def _methods(options: Study) -> int:
    """The same for the comparison of the methods."""
    from clab_lite.files import try_folder
    from clab_lite.samples import find_samples
    from clab_lite.study.comparison.store import collect_arms, make_arms, save_comparison

    missing = []
    if not options.gather:
        try_folder(options.out)
        samples = options.data if options.data is not None else find_samples()
        missing = make_arms(samples, options.out, options.most)
    comparison = collect_arms(options.out)
    print(f"{len(comparison.records)} runs: {save_comparison(comparison, options.out)}")
    for left in missing:
        print(f"missing: {left}")
    return 0
