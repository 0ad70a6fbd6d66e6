"""The command `check`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from clab_lite.cli.commands import Dataset, IntOrDefault, PathOrDefault


@dataclass(frozen=True)
class Check:
    """Read every record and every image header of a dataset, name what is wrong, and say what to do next.

    Looks at structure, lists, annotations, images, duplicate rows, the published counts of ImageNet VID, and what
    training and validation share. Exit status 1 when something has to be mended. A repeated check reads only what has
    changed.
    """

    dataset: Dataset
    """ILSVRC folder, folder of train.json and val.json, or one COCO-VID or COCO .json file."""
    out: PathOrDefault = None
    """Text file for the whole report, with every bad record. On the screen: the first 10 of each kind."""
    workers: IntOrDefault = None
    """Files read at the same time, 1 or more. Default: the cores of the computer and two more, at most 8."""
    fresh: bool = False
    """Forget what earlier checks found, and read everything again."""

    after_interrupt: ClassVar[str] = "Run it again: it goes on where it stopped."

    def run(self) -> int:
        return check(self)


def check(options: Check) -> int:
    """Check a dataset; print what was found, and write all of it where `out` says."""
    from clab_lite.data.check import check_dataset
    from clab_lite.errors import DataError
    from clab_lite.files import try_folder, write_text

    if options.workers is not None and options.workers < 1:
        raise DataError(f"--workers {options.workers} reads nothing. Choose 1 or more.")
    if options.out is not None:
        try_folder(options.out.absolute().parent)  # told now, not after an hour of reading
    report = check_dataset(options.dataset, workers=options.workers, fresh=options.fresh)
    print(report)
    if options.out is not None:
        write_text(options.out, report.full_text())
        print(f"the whole report: {options.out}")
    return 0 if report.ok else 1
