"""What the repository's README shows of the lessons: the measured effect of the branch, and a picture."""

from __future__ import annotations

import base64
from typing import Any

from nbformat import NotebookNode

from clab_lite.errors import DataError
from clab_lite.lessons.evaluation import conclusion, table_of_effects
from clab_lite.study import Setting
from clab_lite.study.paired import MIN_SEEDS

BEGIN, END = "<!-- effects: written by notebooks/build.py -->", "<!-- end of effects -->"
MEASURES = {"AP50 all": "AP50", "AP50 clean": "clean", "AP50 troubled": "troubled", "object knn by class": "kNN purity"}
"""Of the study, and their column heads."""


def effects(study: Any) -> str:
    """Markdown: one row per setting that has an interval, the mean difference to the baseline of the same seed with
    that interval (95 %, Student's t); and what AP50 and purity of all settings say together.

    study: a `clab_lite.study.Study`.
    """
    found = table_of_effects(study)
    found = found[(found["seeds"] >= MIN_SEEDS) & found["measure"].isin(MEASURES)]
    heads = ["contrast", "training videos", "seeds", *MEASURES.values()]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (setting, _), group in found.groupby(["setting", "videos"], sort=False):
        by_measure = {row.measure: row for row in group.itertuples()}
        name, _, other = setting.partition(", train videos ")
        cells = [_change(by_measure[measure]) if measure in by_measure else "" for measure in MEASURES]
        seeds = str(group["seeds"].max())
        rows.append(f"| {' | '.join([name, other or str(Setting.train_videos), seeds, *cells])} |")
    together = [
        f"{MEASURES[name]}: {conclusion(found[found['measure'] == name])}"
        for name in ("AP50 all", "object knn by class")
    ]
    return "\n".join([*rows, "", "\n\n".join(together)])


def picture(notebook: NotebookNode, code: str) -> bytes:
    """The first PNG below the one cell whose code holds `code`.

    Raises:
        DataError: no such cell, or several, or none with a picture.
    """
    found = [cell for cell in notebook.cells if cell.cell_type == "code" and code in cell.source]
    pictures = [out.data["image/png"] for cell in found for out in cell.outputs if "image/png" in out.get("data", {})]
    if len(found) != 1 or not pictures:
        raise DataError(f"{len(found)} cells with {code!r}, {len(pictures)} pictures below them. One cell is needed.")
    return base64.b64decode(pictures[0])


def _change(row: Any) -> str:
    means = f"{row.baseline:.3f} → {row.with_branch:.3f}"
    return f"{means}: {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
