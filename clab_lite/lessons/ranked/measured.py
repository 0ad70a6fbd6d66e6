"""The shipped runs of `clab-lite ranked-sweep`: their ladders, ROC curves, and where unknown crops land."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.places import samples_folder
from clab_lite.show.style import GREY, PALE, PALETTE, heading, new_figure, quiet
from clab_lite.study.ranked import TrialRecord, read_records
from clab_lite.study.ranked.figures import by_method, ladder_figure, roc_figure

COMPARED = ("r=1 in", "r=3 in", "SoftMax")
"""What the figures show; the table has every method."""
_SCORES = ("near, softmax", "near, cosine", "far, softmax", "far, cosine")


@cache
def records() -> tuple[TrialRecord, ...]:
    """The runs in data_samples/methods/ranked, read once. DataError: they are not there."""
    return tuple(read_records(samples_folder() / "methods" / "ranked"))


def draw_ladders(methods: Sequence[str] = COMPARED) -> Figure:
    """Mean cosine of held-out crops to their own class, rank 2, rank 3 and the rest: thick the mean, thin each seed."""
    return ladder_figure(records(), methods)


def draw_roc(methods: Sequence[str] = COMPARED) -> Figure:
    """Known crops against withheld classes and against backgrounds."""
    return roc_figure(records(), methods)


def results() -> pd.DataFrame:
    """Per method the mean over its seeds; "±" is the standard deviation between them."""
    rows = []
    for method, runs in by_method(records()).items():
        values = {
            "accuracy": [run.accuracy for run in runs],
            "near AUROC": [run.near_auroc for run in runs],
            "far AUROC": [run.far_auroc for run in runs],
            "rank 2": [run.ladder[1] for run in runs],
            "rank 3": [run.ladder[2] for run in runs],
            "rest": [run.ladder[3] for run in runs],
        }
        rows.append({"method": method, "seeds": len(runs), **{name: _spread(found) for name, found in values.items()}})
    return pd.DataFrame(rows).set_index("method")


def both_scores(methods: Sequence[str] = COMPARED[:2]) -> pd.DataFrame:
    """AUROC by the softmax score and by the largest cosine, of the runs that kept both; "±" as in `results`."""
    rows = []
    for method, runs in by_method(records()).items():
        kept = [run for run in runs if not np.isnan(run.near_cosine_auroc)]
        if method in methods and kept:
            values = {
                _SCORES[0]: [run.near_auroc for run in kept],
                _SCORES[1]: [run.near_cosine_auroc for run in kept],
                _SCORES[2]: [run.far_auroc for run in kept],
                _SCORES[3]: [run.far_cosine_auroc for run in kept],
            }
            spreads = {name: _spread(found) for name, found in values.items()}
            rows.append({"method": method, "seeds": len(kept), **spreads})
    return pd.DataFrame(rows, columns=["method", "seeds", *_SCORES]).set_index("method")


def draw_landing(methods: Sequence[str] = COMPARED[:2]) -> Figure:
    """Mean cosine of the crops of each withheld class to the class means: onto whom unknown objects fall."""
    groups = by_method(records())
    chosen = {name: groups[name] for name in methods if name in groups}
    first = next(iter(chosen.values()))[0]
    figure, panels = new_figure(9.5, 3.7, 1, len(first.withheld), sharey=True)
    for number, (axes, name) in enumerate(zip(panels, first.withheld, strict=True)):
        means = {
            method: np.array([np.array(run.withheld_cosines)[number] for run in runs])
            for method, runs in chosen.items()
        }
        heading(axes, finding_landing(name, first.class_names, means))
        _draw_bars(axes, first.class_names, means)
    panels[0].set_ylabel("mean cosine to the class mean", color=GREY, fontsize=9)
    panels[-1].legend(fontsize=9, frameon=False, loc="upper right")
    return figure


def finding_landing(name: str, classes: Sequence[str], means: dict[str, np.ndarray]) -> str:
    """The title: the class that the crops of a withheld one come closest to, with the last of the methods."""
    method, values = list(means.items())[-1]
    mean = values.mean(axis=0)
    nearest = int(mean.argmax())
    return f"{name}: nearest to {classes[nearest]} ({mean[nearest]:.2f}, {method})"


def _draw_bars(axes: Axes, classes: Sequence[str], means: dict[str, np.ndarray]) -> None:
    places, width = np.arange(len(classes)), 0.8 / len(means)
    for number, (method, values) in enumerate(means.items()):
        at = places + (number - (len(means) - 1) / 2) * width
        axes.bar(at, values.mean(axis=0), width * 0.92, color=PALETTE[number], label=method)
        for row in values:
            axes.plot(at, row, ".", color="black", markersize=3, alpha=0.6)
    axes.axhline(0, color=PALE, linewidth=1)
    axes.set_xticks(places, classes, rotation=30, ha="right", rotation_mode="anchor")
    quiet(axes)


def _spread(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.2f}".replace("-", "−")
    return f"{mean} ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else mean
