"""The command `compare`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from clab_lite.cli.commands import Dataset, PathOrDefault
from clab_lite.cli.evaluate import SubsetWords

if TYPE_CHECKING:
    import torch

    from clab_lite.compare import Comparison
    from clab_lite.data.subset import Subset
    from clab_lite.metrics.certainty import Difference
    from clab_lite.team import Team


@dataclass(frozen=True)
class Compare:
    """Is run B better than run A? Differences of AP on the same frames, with 95 % intervals over drawn videos."""

    run_a: Annotated[Positional[Path], arg(metavar="RUN_A")]
    """Folder that `clab-lite train` wrote, or a checkpoint of the official code (.pth)."""
    run_b: Annotated[Positional[Path], arg(metavar="RUN_B")]
    """The other one."""
    dataset: Dataset
    """ILSVRC folder, folder with train.json and val.json, or .json file."""
    split: Literal["val", "train"] = "val"
    """Which videos."""
    subset: SubsetWords = ()
    """NAME=VALUE, may be repeated, as for `evaluate`."""
    out: PathOrDefault = None
    """Also write the comparison to this .json file."""
    resamples: int = 1000
    """Draws of videos behind the intervals; 0 leaves them out."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present). Several GPUs: start with torchrun."""

    after_interrupt: ClassVar[str] = "The videos that were finished are kept: the same command goes on from there."

    def run(self) -> int:
        return compare(self)


def compare(options: Compare) -> int:
    """Detect what is not stored yet, print the table and the verdict. Several processes detect together."""
    from clab_lite.cli.evaluate import require_resamples
    from clab_lite.data.subset import Subset
    from clab_lite.devices import pick_device
    from clab_lite.team import team

    require_resamples(options.resamples)
    subset, device = Subset.parse(options.subset), pick_device(options.device)
    with team(device.type) as us:
        _compare(options, subset, device, us)
    return 0


def _compare(options: Compare, subset: Subset, device: torch.device, us: Team) -> None:
    from clab_lite.cli.evaluate import detect_where_possible, home_of
    from clab_lite.compare import compare_found
    from clab_lite.data.vid import open_dataset
    from clab_lite.evaluate import require_same_classes
    from clab_lite.files import write_text
    from clab_lite.trained import load_run
    from clab_lite.training.run_folder import DETECTIONS

    index = us.main_first(lambda: open_dataset(options.dataset, split=options.split))
    selection = subset.select(index)
    found = []
    for run in (options.run_a, options.run_b):
        trained = load_run(run, device)
        require_same_classes(trained.class_names, index.class_names)
        store = home_of(run) / DETECTIONS
        found.append(detect_where_possible(trained.detector, index, selection, store, None, us))
    if not us.is_main:
        return
    comparison = compare_found(index, selection, *found, subset=str(subset), resamples=options.resamples)
    print(f"A: {options.run_a}\nB: {options.run_b}")
    print("\n".join(comparison_table(comparison)))
    if options.out is not None:
        write_text(options.out, comparison.to_json() + "\n")
        print(options.out)


def comparison_table(comparison: Comparison) -> list[str]:
    """Aligned text, the verdict last."""
    lines = [f"{'':<20} {'A':>7} {'B':>7} {'B - A':>7}  {'95 % interval':<18} {'B better':>8} {'p':>7}"]
    for name, number in comparison.numbers.items():
        if number.difference is None:
            lines.append(f"{name:<20} {'-':>7} {'-':>7}")
            continue
        row = f"{name:<20} {number.first:>7.3f} {number.second:>7.3f} {number.difference.value:>+7.3f}"
        row += _certainty(number.difference)
        lines.append(row)
    subset = f"; {comparison.subset}" if comparison.subset else ""
    basis = f"{comparison.videos} videos of {comparison.sources} sources, {comparison.frames} frames"
    lines.append(f"{basis}, {comparison.boxes} boxes{subset}. B better: share of the draws of videos.")
    return [*lines, comparison.verdict]


def _certainty(difference: Difference) -> str:
    """The columns behind the difference; why there is nothing, when nothing says how sure it is."""
    span, share, p_value = difference.interval, difference.probability_better, difference.p_value
    if span is None or share is None or p_value is None:
        return f"  ({difference.unsure})"
    written = f"[{span[0]:+.3f}, {span[1]:+.3f}]"
    return f"  {written:<18} {share:>8.0%} {p_value:>7.3f}"
