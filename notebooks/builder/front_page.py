"""What other pages show of the lessons: measured effects of the branch and of pre-training, and a picture."""

from __future__ import annotations

import base64
from typing import Any

from nbformat import NotebookNode

from clab_lite.errors import DataError
from clab_lite.lessons.choosing.facts import NAMES
from clab_lite.lessons.choosing.figures import finding
from clab_lite.lessons.choosing.measured import came_out
from clab_lite.lessons.choosing.table import signed
from clab_lite.lessons.evaluation import conclusion, table_of_effects
from clab_lite.study import Setting
from clab_lite.study.comparison import Comparison
from clab_lite.study.comparison import effects as effects_of
from clab_lite.study.paired import MIN_SEEDS

BEGIN, END = "<!-- effects: written by notebooks/build.py -->", "<!-- end of effects -->"
BEGIN_METHODS, END_METHODS = "<!-- methods: written by notebooks/build.py -->", "<!-- end of methods -->"
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


def methods(comparison: Comparison) -> str:
    """Markdown: every arm of the comparison of methods, its AP50 and its difference to scratch with the interval."""
    base = comparison.of("scratch")
    found = effects_of(comparison)
    rows = ["| how the time is spent | seeds | AP50 | against scratch | processor time |", "|---|---|---|---|---|"]
    mean, seconds = (sum(values) / len(base) for values in ([r.ap["all"] for r in base], [r.seconds for r in base]))
    rows.append(f"| {NAMES['scratch']} | {len(base)} | {mean:.3f} | | {seconds:.0f} s |")
    for one in found:
        cells = (NAMES[one.arm], len(one.difference.values), f"{one.value.mean:.3f}", signed(one.difference))
        rows.append(f"| {' | '.join(map(str, cells))} | {one.seconds.mean:.0f} s |")
    return "\n".join([*rows, "", f"{finding(found)}.", "", came_out(comparison).replace("\n", " ")])


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
