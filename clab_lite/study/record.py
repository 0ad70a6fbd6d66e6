"""What a run of a study leaves: a record of plain numbers, and the map of its embeddings at some moments."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.plain_values import built
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
    def from_dict(cls, values: Any, clouds: dict[str, NDArray[Any]], place: Path) -> Record:
        """The inverse of `to_dict` and `clouds`; records of before `made_of` are read too.

        Raises:
            DataError: a field is missing or wrong.
        """
        try:
            plain = built(_Stored, values, missing_is_nan=True)
            moments = tuple(
                Moment(m.iteration, m.weight, m.scores, {level: _map(clouds, level, number) for level in m.scores})
                for number, m in enumerate(plain.moments)
            )
            log = _columns(plain.log, ("iteration", "detection", "contrast", "weight", "chance"))
            balance = _columns(plain.balance, ("iteration", "detection", "contrast", "cosine"))
            return cls(plain.setting, log, balance, moments, plain.ap, plain.videos, plain.seconds, plain.made_of)
        except (KeyError, ValueError) as error:
            named = values.get("setting") if isinstance(values, dict) else values
            problem, remedy = f"is no record of a study ({error!r})", "Make it anew with `clab-lite study`."
            raise DataError.at(place, f"record {reprlib.repr(named)}", problem, remedy) from error


@dataclass(frozen=True)
class _StoredMoment:
    iteration: int
    weight: float
    scores: dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Stored:
    """A record in json, as `Record.to_dict` wrote it."""

    setting: Setting
    log: dict[str, tuple[float, ...]]
    balance: dict[str, tuple[float, ...]]
    moments: tuple[_StoredMoment, ...]
    ap: dict[str, float]
    videos: str
    seconds: float
    made_of: dict[str, str] = field(default_factory=dict)


def _columns(table: dict[str, tuple[float, ...]], names: Sequence[str]) -> Numbers:
    """The columns as arrays, when they are these and equally long."""
    if set(table) != set(names) or len({len(column) for column in table.values()}) != 1:
        raise ValueError(f"columns {', '.join(table)[:200]} are not {', '.join(names)} of one length")
    return {name: np.array(column, np.float64) for name, column in table.items()}


def _map(clouds: Mapping[str, NDArray[Any]], level: str, number: int) -> NDArray[np.float32]:
    name = f"{level}/{number}"
    cloud = clouds[name]
    if cloud.dtype.kind != "f" or not np.isfinite(cloud).all():
        raise ValueError(f"map {name} is not of finite numbers")
    return cloud.astype(np.float32)


def name_in(values: Any, place: Path) -> str:
    """Name of the setting in a record's plain values. DataError: it is no setting, or one of a newer version."""
    try:
        return built(Setting, values["setting"]).name
    except (KeyError, TypeError, ValueError) as error:
        found = values.get("setting") if isinstance(values, dict) else values
        problem = f"is no setting of a study ({error!r})"
        remedy = "Make it anew with `clab-lite study`, or use the version that wrote it."
        raise DataError.at(place, f"setting {reprlib.repr(found)}", problem, remedy) from error


def _rounded(values: NDArray[np.float64] | Sequence[float]) -> list[float]:
    """Five digits are enough for what was measured; counts of steps stay whole."""
    return [float(value) if float(value).is_integer() else float(f"{value:.5g}") for value in values]
