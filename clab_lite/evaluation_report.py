"""The result of an evaluation: numbers, what each stands on, and a json that reads back the same."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.plain_values import built

if TYPE_CHECKING:
    from clab_lite.trained import Trained

FORMAT = 1
"""Version of the json; raised when an older clab-lite could not read a new one."""
PROTOCOL = "COCO, IoU 0.50, 101 recall points, pycocotools-compatible"
CLEAN = "clean"
ANY_TROUBLE = "any_trouble"


FOUND_FROM = 0.3
"""Score from which a detection counts as found where frames are shown to a person. AP counts all of them."""

Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True)
class Scores:
    """AP over some frames, and how many they are.

    ap50: AP at IoU 0.50. ap: mean over IoU 0.50:0.05:0.95. Both in [0, 1], or None with the reason in `undefined`.
    """

    ap50: float | None
    ap: float | None
    videos: int
    frames: int
    boxes: int
    """Ground-truth boxes."""
    undefined: str | None = None
    ap50_interval: Interval | None = None
    """95 % interval from resampled videos; None when it was not asked for, or cannot be had."""
    ap_interval: Interval | None = None
    clean_ap50: float | None = None
    """For the frames of a trouble: AP50 on the clean frames of the same videos, over the classes that both show. None
    when there are none. All clean frames would be no fair comparison: they show other classes, and how many frames do
    not show a class at all moves its AP."""

    @classmethod
    def of(
        cls, ap50: float, ap: float, *, videos: int, frames: int, boxes: int, undefined: str | None = None
    ) -> Scores:
        """Build from numbers that may be NaN."""
        return cls(_number(ap50), _number(ap), videos, frames, boxes, undefined)


@dataclass(frozen=True)
class Score:
    """One AP50 and what it stands on."""

    value: float | None
    """In [0, 1], or None with the reason in `undefined`."""
    interval: Interval | None
    videos: int
    """Videos with ground truth that counts here."""
    frames: int
    """Frames with such ground truth."""
    boxes: int
    """Ground-truth boxes that count."""
    undefined: str | None = None


@dataclass(frozen=True)
class ProtocolScores:
    """AP50 by the rules of one evaluator."""

    title: str
    """For a table row, for example "VOC, MEGA"."""
    rules: str
    """Exactly what is computed, in one line."""
    comparable: str
    """Which published numbers it can be compared with."""
    scores: dict[str, Score]
    """"all"; then "slow", "medium", "fast" where the dataset has tracks and the protocol defines them."""
    per_class: dict[str, Score]
    """Class name -> over all motions; classes with ground truth only."""


@dataclass(frozen=True)
class ErrorCost:
    """One kind of error: how often, and how much AP50 would rise if all of its kind were mended (TIDE)."""

    count: int
    cost: float


@dataclass(frozen=True)
class Curve:
    """Precision (its envelope; COCO, IoU 0.5) at recalls 0, 0.01 ... 1, of one class or the mean over classes."""

    precision: tuple[float, ...]
    """101 numbers in [0, 1], four decimals."""


@dataclass(frozen=True)
class WorstFrame:
    """A frame with large errors, and which."""

    video: str
    frame: int
    missed: int
    """Objects without a right detection (IoU 0.5) of a score from 0.3."""
    wrong: float
    """Summed score of wrong detections."""


@dataclass(frozen=True)
class Measured:
    """What the numbers are of: which weights, on which videos, in which setting."""

    dataset: str
    """Path as given."""
    split: str
    weights: str
    """File in the run folder; the path of any other."""
    iteration: int
    """Training steps behind the weights, of `iterations` planned."""
    iterations: int | None
    """None: the run counts epochs."""
    long_side: int
    """Frames are resized to fit long_side x short_side pixels."""
    short_side: int
    references: int
    """Reference frames per video."""

    @classmethod
    def of(cls, trained: Trained, dataset: str | Path, split: str, weights: str = "checkpoint.pt") -> Measured:
        """For a run read by `load_run`, in its own setting."""
        size, count = trained.detector.config.frame, trained.detector.config.detection.references
        planned = trained.config.train.iterations
        return cls(str(dataset), split, weights, trained.iteration, planned, size.long_side, size.short_side, count)


@dataclass(frozen=True)
class EvaluationReport:
    """What `evaluate` returns.

    overall: all frames. per_class: class name -> scores, classes with ground truth only; `frames` are those
        that show it.
    by_trouble: "clean", "any_trouble", then each trouble -> AP over those frames only; empty when the
        dataset does not say.
    measured: None when the caller did not say.
    """

    overall: Scores
    per_class: dict[str, Scores]
    by_trouble: dict[str, Scores]
    protocol: str = PROTOCOL
    measured: Measured | None = None
    subset: str = ""
    """What was asked for, as `Subset` prints it; empty is everything."""
    by_size: dict[str, Scores] = field(default_factory=dict)
    """"small", "medium", "large" (COCO areas, pixels of the stored frame) -> AP over objects of that size."""
    protocols: dict[str, ProtocolScores] = field(default_factory=dict)
    """"coco", "mega", "fgfa" -> AP50 by that protocol, by motion, by class."""
    errors: dict[str, ErrorCost] = field(default_factory=dict)
    """Kind of error -> count and AP50 cost: "localisation", "class", "both", "duplicate", "background",
    "missed"; and "outside" where some objects are not asked for."""
    curves: dict[str, Curve] = field(default_factory=dict)
    """"all classes", then class name -> precision over recall."""
    worst: tuple[WorstFrame, ...] = ()
    """Frames with the largest errors, worst first, one per video."""

    @property
    def ap50(self) -> float | None:
        """AP at IoU 0.50, the "mAP" of ImageNet VID papers."""
        return self.overall.ap50

    @property
    def ap(self) -> float | None:
        """Mean AP over IoU 0.50:0.05:0.95."""
        return self.overall.ap

    @property
    def counts(self) -> dict[str, int]:
        """Videos, frames and ground-truth boxes evaluated."""
        return {"videos": self.overall.videos, "frames": self.overall.frames, "boxes": self.overall.boxes}

    def to_json(self) -> str:
        """Valid json (no NaN); `from_json` gives an equal report back."""
        content = {KEY: FORMAT, "protocol": self.protocol, "ap50": self.ap50, "ap": self.ap, **asdict(self)}
        return json.dumps(content, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | Path) -> EvaluationReport:
        """Read what `to_json` wrote, from a string or a file. DataError when it is something else."""
        place = text if isinstance(text, Path) else "evaluation report"
        remedy = "Run the evaluation again."
        try:
            content = json.loads(text) if isinstance(text, str) else read_json(text, remedy)
            if not isinstance(content, dict):
                raise ValueError(f"it is a {type(content).__name__}")
            require_format(content.get(KEY), FORMAT, place)
            return built(cls, {name: value for name, value in content.items() if name not in (KEY, "ap50", "ap")})
        except DataError:
            raise
        except (ValueError, RecursionError) as error:
            raise DataError.at(place, "", f"not an evaluation report ({error})", remedy) from error


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
