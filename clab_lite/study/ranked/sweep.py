"""The sweep over ranks, variants and seeds: its records, one table, and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from clab_lite.checksums import listed_anew
from clab_lite.data.vid import open_dataset
from clab_lite.errors import DataError
from clab_lite.files import replaced, write_text
from clab_lite.methods.ranked import RankedConfig, known_classes, lite
from clab_lite.show.style import to_png
from clab_lite.study.ranked.figures import by_method, ladder_figure, roc_figure
from clab_lite.study.ranked.record import RECORDS, TrialRecord, read_records, write_records
from clab_lite.study.ranked.trial import make_missing, planned
from clab_lite.training.calibrate import Precision
from clab_lite.training.folder_lock import hold

TABLE = "table.md"
MARGIN = 0.2
"""The ladder counts as climbed when ranks 2 and 3 gain more than this over training without ranks (specification)."""


def sweep(
    dataset: Path,
    folder: Path,
    *,
    seeds: int = 3,
    base: RankedConfig | None = None,
    precision: Precision = "float32",
    device: str | torch.device = "cpu",
    limit: int | None = None,
) -> int:
    """Make the runs that are missing in a folder, then write its table and figures. Gives how many runs are there.

    Args:
        dataset: anything that `open_dataset` opens.
        folder: where records.json, table.md, ladder.png and roc.png go; records.json is written after each run.
        seeds: runs of each setting.
        base: what the runs share; None: the lite preset.
        precision: of training.
        device: where to compute.
        limit: make at most so many runs now.

    Raises:
        DataError: the folder is in use, or holds runs of another ranking, number of steps, or precision, of other
            classes, or with others withheld; or no run is asked for.
    """
    if seeds < 1 or (limit is not None and limit < 1):
        raise DataError(f"{seeds} seeds and at most {limit} runs are no sweep. Use 1 or more of both.")
    base = base or lite()
    learn, judge = open_dataset(dataset, "train"), open_dataset(dataset, "val")
    with hold(folder):
        records = read_records(folder) if (folder / RECORDS).exists() else []
        asked = (base.ranking, base.pretrain.steps, base.withheld or (), base.semantics, precision)
        for record in records:
            shared = (record.ranking, record.steps, record.withheld, record.semantics, record.precision)
            if shared != asked or record.class_names != known_classes(base, learn):
                of = (*shared, f"{len(record.class_names)} classes")
                problem = f"{record.method}, seed {record.seed}, is of {of}, which these runs are not"
                raise DataError.at(folder / RECORDS, "", problem, "Name another folder.")
        missing = make_missing(planned(seeds), records[:], base, learn, judge, precision, device)
        with listed_anew(folder, [RECORDS]):
            for record in islice(missing, limit):
                records.append(record)
                write_records(folder, records)
        write_summary(folder, records)
    return len(records)


def write_summary(folder: Path, records: Sequence[TrialRecord]) -> None:
    """The table and the two figures of the records."""
    write_text(folder / TABLE, table(records) + "\n")
    for name, figure in (("ladder.png", ladder_figure(records)), ("roc.png", roc_figure(records))):
        with replaced(folder / name) as beside:
            beside.write_bytes(to_png(figure))


def table(records: Sequence[TrialRecord]) -> str:
    """Markdown: per method the mean and the standard deviation over seeds of every measure."""
    columns = ["accuracy (NCM)", "accuracy (outputs)", "near AUROC", "far AUROC", "own", "rank 2", "rank 3", "rest"]
    lines = ["| method | seeds | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for method, runs in by_method(records).items():
        rows = [[run.accuracy, run.output_accuracy, run.near_auroc, run.far_auroc, *run.ladder] for run in runs]
        values = np.array(rows, np.float64)  # None, where there are no outputs, becomes NaN
        spread = values.std(axis=0, ddof=1) if len(runs) > 1 else np.full(values.shape[1], np.nan)
        cells = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(values.mean(axis=0), spread, strict=True)]
        lines.append(f"| {method} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines).replace("nan ± nan", "").replace(" ± nan", "").replace("nan", "")


def verdict(records: Sequence[TrialRecord], variant: str = "in") -> dict[str, float | bool]:
    """The criterion of success, of r=3 against r=1: order of the mean ladder, and what ranks 2 and 3 gained.

    Raises:
        DataError: there is no run of one of the two.
    """
    groups = by_method(records)
    if not all(f"r={ranks} {variant}" in groups for ranks in (1, 3)):
        raise DataError(f"the records hold no runs of r=1 and r=3 {variant}. There are: {', '.join(groups)}.")
    plain, ranked = (np.mean([run.ladder for run in groups[f"r={r} {variant}"]], axis=0) for r in (1, 3))
    gains = {"gain_rank_2": float(ranked[1] - plain[1]), "gain_rank_3": float(ranked[2] - plain[2])}
    ordered = bool((np.diff(ranked) < 0).all())
    return {**gains, "ordered": ordered, "met": ordered and min(gains.values()) > MARGIN}
