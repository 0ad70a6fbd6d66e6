"""What a run of a study leaves: a record of plain numbers, and the map of its embeddings at some moments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.study.gradients import share
from clab_lite.study.setting import Setting

RECORD = "record.json"
CLOUD = "cloud.npz"
Numbers = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Moment:
    """The embeddings at one moment of a run."""

    iteration: int
    """Steps done."""
    weight: float
    """Of the contrast in the next step."""
    scores: dict[str, dict[str, float]]
    """level ("frame", "object") -> score name -> value; NaN where there was nothing to compare."""
    cloud: dict[str, NDArray[np.float32]]
    """level -> map (N, 2), turned to fit the moment before it; rows as in `Study.points[level]`."""


@dataclass(frozen=True)
class Record:
    """One run: what was asked, and what was measured."""

    setting: Setting
    log: Numbers
    """iteration, detection (sum of four losses), contrast (unweighted), weight, chance: a value per row of the log."""
    balance: Numbers
    """iteration, detection, contrast, cosine: see `clab_lite.study.gradients.GradientBalance`.

    Measured after `iteration` steps, with the weights as that step left them, on the batch that it was fitted to.
    """
    moments: tuple[Moment, ...]
    ap: dict[str, float]
    """AP50 at the end: all, clean, troubled, one per trouble (COCO), and slow, medium, fast (MEGA)."""
    videos: str
    """Which videos `ap` is of."""
    seconds: float
    """Of training."""
    made_of: Mapping[str, str] = field(default_factory=dict)
    """What the numbers depend on besides the setting, see `clab_lite.study.origin`; empty where it was not kept."""

    @property
    def name(self) -> str:
        return self.setting.name

    def weights(self) -> NDArray[np.float64]:
        """Weight of the contrast that goes with each measurement in `balance`: (n,).

        That of the step to come, as in `Moment.weight`: the gradients are of the detector that the next step changes.
        """
        schedule, total = self.setting.schedule(), self.setting.iterations
        return np.array([schedule(float(done) / total) for done in self.balance["iteration"]])

    def share(self) -> NDArray[np.float64]:
        """Share of the gradient at C4 that comes from the weighted contrast, at each measurement: (n,), in [0, 1]."""
        return share(self.balance["detection"], self.balance["contrast"], self.weights())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json, without the clouds; NaN becomes None."""
        moments = [{"iteration": m.iteration, "weight": m.weight, "scores": m.scores} for m in self.moments]
        plain = {
            "setting": asdict(self.setting),
            "log": {name: _rounded(values) for name, values in self.log.items()},
            "balance": {name: _rounded(values) for name, values in self.balance.items()},
            "moments": moments,
            "ap": self.ap,
            "videos": self.videos,
            "seconds": round(self.seconds, 1),
            "made_of": dict(self.made_of),
        }
        return json.loads(json.dumps(plain), parse_constant=lambda _: None)

    def clouds(self) -> dict[str, NDArray[np.float16]]:
        """level/moment -> map, in half precision: they are drawn, not computed with."""
        return {
            f"{level}/{number}": points.astype(np.float16)
            for number, moment in enumerate(self.moments)
            for level, points in moment.cloud.items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], clouds: dict[str, NDArray[Any]], place: Path) -> Record:
        """The inverse of `to_dict` and `clouds`; records of before `made_of` are read too.

        Raises:
            DataError: a field is missing or wrong.
        """
        try:
            moments = tuple(
                Moment(
                    m["iteration"],
                    m["weight"],
                    {level: {name: _number(v) for name, v in found.items()} for level, found in m["scores"].items()},
                    {level: np.asarray(clouds[f"{level}/{number}"], np.float32) for level in m["scores"]},
                )
                for number, m in enumerate(values["moments"])
            )
            log, balance = _columns(values["log"]), _columns(values["balance"])
            ap = {name: _number(value) for name, value in values["ap"].items()}
            setting, origin = (
                Setting(**values["setting"]),
                {str(k): str(v) for k, v in values.get("made_of", {}).items()},
            )
            return cls(setting, log, balance, moments, ap, values["videos"], values["seconds"], origin)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            named = values.get("setting") if isinstance(values, dict) else values
            remedy = "Make it anew with `clab-lite study`."
            raise DataError.at(place, f"record {named}", f"is no record of a study ({error!r})", remedy) from error


def name_in(values: Any, place: Path) -> str:
    """Name of the setting in a record's plain values. DataError: it is no setting, or one of a newer version."""
    try:
        return Setting(**values["setting"]).name
    except (KeyError, TypeError, ValueError) as error:
        found = values.get("setting") if isinstance(values, dict) else values
        remedy = "Make it anew with `clab-lite study`, or use the version that wrote it."
        raise DataError.at(place, f"setting {found!r}", f"is no setting of a study ({error!r})", remedy) from error


def _rounded(values: NDArray[np.float64] | Sequence[float]) -> list[float]:
    """Five digits are enough for what was measured; counts of steps stay whole."""
    return [float(value) if float(value).is_integer() else float(f"{value:.5g}") for value in values]


def _columns(values: dict[str, list[float | None]]) -> Numbers:
    return {name: np.array([_number(v) for v in column]) for name, column in values.items()}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
