"""Is one detector better than another? Both on the same frames, and on the same draws of videos."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from clab_lite.data.selection import Selection
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.dataset_detections import detect_selection
from clab_lite.detection_store import Found
from clab_lite.frames import device_type
from clab_lite.metrics import certainty
from clab_lite.metrics.certainty import Difference
from clab_lite.scoring.inputs import Inputs
from clab_lite.scoring.measure import DrawnAP, Measure
from clab_lite.scoring.whole import AP50, protocol_outcomes
from clab_lite.team import team

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
            why = number.difference.unsure
            return f"AP50 of B is {value:+.3f} from A's. Nothing says how sure that is: {why}."
        measured = f"{value:+.3f} AP50, 95 % interval {span[0]:+.3f} to {span[1]:+.3f}, p = {p_value:.3f}"
        measured += f", {self.sources} source videos"
        if p_value > SURE:
            return f"No sure difference between A and B ({measured})."
        return f"B is {'better' if value > 0 else 'worse'} than A ({measured})."

    def to_json(self) -> str:
        """Valid json (no NaN)."""
        return json.dumps({"verdict": self.verdict, **asdict(self)}, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Comparison:
        """Back from `to_json`."""
        content = json.loads(text)
        del content["verdict"]
        numbers = {name: _from_dict(number) for name, number in content.pop("numbers").items()}
        return cls(numbers, **content)


def _from_dict(content: dict[str, Any]) -> Compared:
    difference = content["difference"]
    if difference is not None:
        span = difference["interval"]
        difference = Difference(**{**difference, "interval": None if span is None else tuple(span)})
    return Compared(content["first"], content["second"], difference)


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
    Several processes work together as in `evaluate`.
    """
    selection = (subset or Subset()).select(index)
    with team(device_type(first, device)) as us:
        found = [
            detect_selection(detector, index, selection, store=store, device=device, progress=progress)
            for detector in (first, second)
        ]
        if not us.is_main:
            return Comparison.from_json(us.from_main(bytes).decode())
        words = str(subset or "")
        comparison = compare_found(index, selection, found[0], found[1], subset=words, resamples=resamples)
        us.from_main(lambda: comparison.to_json().encode())
        return comparison


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
    numbers = {name: _compared(number, theirs[name]) for name, number in ours.items()}
    asked = int(selection.asked.sum())
    videos, sources = len(selection.videos), len(np.unique(inputs.sources))
    return Comparison(numbers, videos, sources, len(selection.rows), asked, subset)


def _numbers(inputs: Inputs, measure: Measure) -> Iterator[tuple[str, DrawnAP]]:
    """Name -> AP. Of classes, those with ground truth."""
    coco, *others = protocol_outcomes(inputs)
    overall, classes = measure.take(coco, [AP50])
    yield "AP50", overall
    yield "AP50:95", measure.take(coco, coco.columns)[0]
    for protocol, outcomes in zip(("MEGA", "FGFA"), others, strict=True):
        for column in outcomes.columns:
            name = f"AP50 {protocol}" + ("" if column == "all" else f", {column}")
            yield name, measure.take(outcomes, [column])[0]
    for name, of_class in zip(inputs.class_names, classes, strict=True):
        if not math.isnan(of_class.value):
            yield name, of_class


def _compared(first: DrawnAP, second: DrawnAP) -> Compared:
    if math.isnan(first.value):  # of both or none: they have the same ground truth
        return Compared(None, None, None)
    value = second.value - first.value
    difference = certainty.compare(first.drawn, second.drawn, value, first.sources)
    return Compared(first.value, second.value, difference)
