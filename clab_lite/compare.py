"""Is one detector better than another? Both on the same frames, and on the same draws of videos."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from clab_lite.data.selection import Selection
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.dataset_detections import detect_selection
from clab_lite.detection_store import Found
from clab_lite.metrics import bootstrap
from clab_lite.metrics.average_precision import accumulate
from clab_lite.metrics.bootstrap import Difference, resampled_ap
from clab_lite.metrics.collect import collect
from clab_lite.metrics.outcomes import Outcomes
from clab_lite.scoring.inputs import Inputs
from clab_lite.scoring.measure import Measure
from clab_lite.scoring.whole import AP50, rules

SURE = 0.05
"""From this p-value down, a difference is called one."""


@dataclass(frozen=True)
class Compared:
    """One number of both detectors. None where it is undefined."""

    first: float | None
    second: float | None
    difference: Difference | None
    """Second minus first."""


@dataclass(frozen=True)
class Comparison:
    """Two detectors on the same frames.

    numbers: what is compared -> both values and their difference: "AP50", "AP50:95", "AP50 MEGA" and its motions,
        "AP50 FGFA" and its, then COCO AP50 of each class with ground truth.
    """

    numbers: dict[str, Compared]
    videos: int
    sources: int
    """Source videos: what is drawn."""
    frames: int
    boxes: int
    """Ground-truth boxes that count."""
    subset: str

    @property
    def verdict(self) -> str:
        """One sentence on AP50. The other numbers are many: a few of them will look sure by chance."""
        number = self.numbers["AP50"]
        if number.difference is None:
            return "AP50 is undefined: there is no ground truth."
        value, span, p_value = number.difference.value, number.difference.interval, number.difference.p_value
        if span is None or p_value is None:
            return f"AP50 of B is {value:+.3f} from A's. Nothing says how sure that is: it needs two source videos."
        measured = f"{value:+.3f} AP50, 95 % interval {span[0]:+.3f} to {span[1]:+.3f}, p = {p_value:.3f}"
        if p_value > SURE:
            return f"No sure difference between A and B ({measured})."
        return f"B is {'better' if value > 0 else 'worse'} than A ({measured})."

    def to_json(self) -> str:
        """Valid json (no NaN)."""
        return json.dumps({"verdict": self.verdict, **asdict(self)}, indent=2, allow_nan=False)


def compare(
    first: nn.Module,
    second: nn.Module,
    index: VideoIndex,
    *,
    subset: Subset | None = None,
    store: str | Path | None = None,
    resamples: int = 1000,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Comparison:
    """Evaluate both detectors, each in its own setting, and compare them. Arguments as in `evaluate`.

    The interval is of the difference in the same draws of videos: what makes a video easy or hard for both cancels.
    """
    selection = (subset or Subset()).select(index)
    found = [
        detect_selection(detector, index, selection, store=store, device=device, progress=progress)
        for detector in (first, second)
    ]
    return compare_found(index, selection, found[0], found[1], subset=str(subset or ""), resamples=resamples)


def compare_found(
    index: VideoIndex,
    selection: Selection,
    first: Found,
    second: Found,
    *,
    subset: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two detectors' detections of the selected frames. Arguments as in `clab_lite.scoring.score`."""
    inputs = Inputs.of(index, selection, first)
    measure = Measure(inputs.frames.video, inputs.sources, resamples, seed)
    ours = dict(_numbers(inputs, measure))
    theirs = dict(_numbers(Inputs.of(index, selection, second), measure))
    numbers = {name: _compared(*values, *theirs[name]) for name, values in ours.items()}
    asked = int(selection.asked.sum())
    videos, sources = len(selection.videos), len(np.unique(inputs.sources))
    return Comparison(numbers, videos, sources, len(selection.rows), asked, subset)


def _numbers(inputs: Inputs, measure: Measure) -> Iterator[tuple[str, tuple[float, NDArray[np.float64]]]]:
    """Name -> AP, and AP (B,) in each draw; without draws where fewer than two sources show what counts. Of classes,
    those with ground truth."""

    def draws(outcomes: Outcomes, column: str, label: int | None = None) -> int:
        return len(measure.draws) if measure.varies(outcomes, column, label) else 0

    def take(outcomes: Outcomes, *columns: str) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Of the mean over classes, then of each class."""
        per_class = np.mean([accumulate(outcomes, column).ap for column in columns], axis=0)
        drawn = resampled_ap(outcomes, columns, inputs.frames.video, measure.draws)
        known = per_class[~np.isnan(per_class)]
        yield float(known.mean()) if len(known) else math.nan, drawn.mean[: draws(outcomes, columns[0])]
        for label, value in enumerate(per_class.tolist()):
            yield value, drawn.per_class[: draws(outcomes, columns[0], label), label]

    coco, *others = collect(inputs.chunks, inputs.classes, *rules(inputs))
    overall, *classes = take(coco, AP50)
    yield "AP50", overall
    yield "AP50:95", next(take(coco, *coco.columns))
    for protocol, outcomes in zip(("MEGA", "FGFA"), others, strict=True):
        for column in outcomes.columns:
            yield f"AP50 {protocol}" + ("" if column == "all" else f", {column}"), next(take(outcomes, column))
    for name, values in zip(inputs.class_names, classes, strict=True):
        if not np.isnan(values[0]):
            yield name, values


def _compared(
    first: float, drawn_first: NDArray[np.float64], second: float, drawn_second: NDArray[np.float64]
) -> Compared:
    if np.isnan(first) or np.isnan(second):  # of both or none: they have the same ground truth
        return Compared(None, None, None)
    return Compared(first, second, bootstrap.compare(drawn_first, drawn_second, second - first))
