"""The command `ranked-sweep`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from clab_lite.cli.commands import IntOrDefault, PathOrDefault

TextOrDefault = Annotated[str | None, arg(metavar="TEXT")]


@dataclass(frozen=True)
class RankedSweep:
    """Train ranked contrast with 1, 3 and 5 ranks, variants in and out-in, and the SoftMax baseline, for some seeds;
    write one table, the rank ladder and the ROC figure (minutes per run on a CPU core; may be stopped between runs).

    Runs that are in the folder are kept."""

    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder of records.json, table.md, ladder.png and roc.png, as data_samples/methods/ranked."""
    data: PathOrDefault = None
    """Dataset folder: videos, still images, or VOC 2007. Default: data_samples here, or beside the package's source."""
    preset: Literal["lite", "report"] = "lite"
    """lite: minutes on a CPU core. report: the published settings for VOC 2007 (days on a GPU)."""
    ranking: TextOrDefault = None
    """Which classes are alike: a .json or .yaml file, or sample_world, imagenet_vid, voc, voc_groups, none. Default:
    the preset's."""
    withheld: Annotated[str | None, arg(metavar="NAMES")] = None
    """Classes that are never trained on, with commas between; empty for none. Default: the preset's."""
    seeds: int = 3
    """Runs of each setting."""
    steps: IntOrDefault = None
    """Training steps of each run. Default: the lite preset's."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the training; bfloat16 saves a third of the time on CPUs that compute in it."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps, or auto (the best one present)."""
    limit: IntOrDefault = None
    """Make at most so many runs now. Default: all that are missing."""

    after_interrupt: ClassVar[str] = "The same command goes on with the runs that are missing; this one begins anew."

    def run(self) -> int:
        return ranked_sweep(self)


def ranked_sweep(options: RankedSweep) -> int:
    """Make the runs that are missing, then write the table and the figures, and print the table."""
    from dataclasses import replace

    from clab_lite.devices import pick_device
    from clab_lite.files import try_folder
    from clab_lite.methods import ranked
    from clab_lite.samples import find_samples
    from clab_lite.study.ranked.sweep import TABLE, sweep

    try_folder(options.out)
    base = ranked.lite() if options.preset == "lite" else ranked.report()
    if options.ranking is not None:
        base = replace(base, ranking=options.ranking)
    if options.withheld is not None:
        names = tuple(name.strip() for name in options.withheld.split(",") if name.strip())
        base = replace(base, withheld=names or None)
    if options.steps is not None:
        base = replace(base, pretrain=replace(base.pretrain, steps=options.steps))
    data = options.data if options.data is not None else find_samples()
    device = pick_device(options.device)
    count = sweep(
        data, options.out, seeds=options.seeds, base=base, precision=options.precision, device=device,
        limit=options.limit,
    )  # fmt: skip
    print((options.out / TABLE).read_text(encoding="utf-8"))
    print(f"{count} runs: {options.out}")
    return 0
