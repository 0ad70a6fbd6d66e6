"""The result of an evaluation: numbers, what each stands on, and a json that reads back the same."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clab_lite.errors import DataError

if TYPE_CHECKING:
    from clab_lite.trained import Trained

PROTOCOL = "COCO, IoU 0.50, 101 recall points, pycocotools-compatible"
CLEAN = "clean"
ANY_TROUBLE = "any_trouble"


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
    clean_ap50: float | None = None
    """For the frames of a trouble: AP50 on the clean frames over the classes that both show. The fair comparison:
    a trouble that only met easy classes would look harmless beside all clean frames."""

    @classmethod
    def of(
        cls, ap50: float, ap: float, *, videos: int, frames: int, boxes: int, undefined: str | None = None
    ) -> Scores:
        """Build from numbers that may be NaN."""
        return cls(_number(ap50), _number(ap), videos, frames, boxes, undefined)


@dataclass(frozen=True)
class Measured:
    """What the numbers are of: which weights, on which videos, in which setting."""

    dataset: str
    """Path as given."""
    split: str
    weights: str
    """File in the run folder."""
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
        content = {"protocol": self.protocol, "ap50": self.ap50, "ap": self.ap, **asdict(self)}
        return json.dumps(content, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | Path) -> EvaluationReport:
        """Read what `to_json` wrote, from a string or a file. DataError when it is something else."""
        place = text if isinstance(text, Path) else "evaluation report"
        try:
            content = json.loads(text.read_text(encoding="utf-8") if isinstance(text, Path) else text)
            return cls(
                _scores(content["overall"]),
                {name: _scores(values) for name, values in content["per_class"].items()},
                {name: _scores(values) for name, values in content["by_trouble"].items()},
                content["protocol"],
                Measured(**content["measured"]) if content.get("measured") else None,
            )
        except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise DataError.at(
                place, "", f"not an evaluation report ({error!r})", "Run the evaluation again."
            ) from error


def _scores(values: dict[str, Any]) -> Scores:
    return Scores(**{field.name: values[field.name] for field in fields(Scores) if field.name in values})


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
