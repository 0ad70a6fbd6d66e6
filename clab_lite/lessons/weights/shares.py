"""How much of the gradient at C4 comes from the contrastive loss: from two norms and a weight to a share, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.config import WeightScheduleConfig
from clab_lite.errors import DataError
from clab_lite.schedule import Schedule, contrast_schedule
from clab_lite.study.gradients import share

SHAPES = ("linear", "cosine", "step", "constant")


def schedule_of(shape: str, start: float, until: float) -> Schedule:
    """The library's schedule of that name: weight(progress), progress in [0, 1]. `until` says nothing to "constant"."""
    if shape not in SHAPES:
        raise DataError(f"schedule shape {shape!r} is unknown. Choose one of: {', '.join(SHAPES)}.")
    return contrast_schedule(WeightScheduleConfig(shape=shape, start=start, until=until), 1)  # type: ignore[arg-type]


def weight_for_share(wanted: float, detection: float, contrast: float) -> float:
    """The weight that gives the contrastive loss a wanted share in [0, 1) of the gradient: `share` turned round."""
    if not 0 <= wanted < 1:
        raise DataError(f"share {wanted} is outside [0, 1). A tenth is 0.1.")
    if not contrast > 0:
        raise DataError(f"a contrastive gradient of length {contrast} has no share at any weight. Give one above 0.")
    return wanted * detection / ((1 - wanted) * contrast)


@dataclass(frozen=True)
class Balance:
    """What one run logged about its two gradients at C4; n moments."""

    progress: NDArray[np.float64]
    """(n,) of training, 0 to 1: steps done / steps in all."""
    detection: NDArray[np.float64]
    """(n,) length of the gradient of the four detection losses."""
    contrast: NDArray[np.float64]
    """(n,) length of the gradient of the contrastive loss, without its weight."""
    cosine: NDArray[np.float64]
    """(n,) cosine between the two: 1 the same direction, 0 at right angles, -1 against each other."""
    step: NDArray[np.int64]
    """(n,) training steps that were done."""
    weight: NDArray[np.float64]
    """(n,) the weight that the run gave the contrastive loss in the step to come, which these gradients make."""

    @property
    def share(self) -> NDArray[np.float64]:
        """(n,) in [0, 1]."""
        return share(self.detection, self.contrast, self.weight)

    def share_with(self, weight: Schedule) -> NDArray[np.float64]:
        """(n,) the same gradients under another schedule. An estimate: that run would have gone elsewhere."""
        return share(self.detection, self.contrast, [weight(float(p)) for p in self.progress])


def balance_of(record: Any) -> Balance:
    """The logged gradients of a run of the study. Moments without a finite pair of norms are left out."""
    setting, logged = record.setting, record.balance
    columns = {name: np.asarray(logged[name], np.float64) for name in ("detection", "contrast", "cosine")}
    progress = np.asarray(logged["iteration"], np.float64) / setting.iterations
    known = np.isfinite(columns["detection"]) & np.isfinite(columns["contrast"])
    return Balance(
        progress[known],
        **{name: values[known] for name, values in columns.items()},
        step=np.asarray(logged["iteration"])[known].astype(np.int64),
        weight=record.weights()[known],
    )


def percent(value: float) -> str:
    """ "12 %", "0.4 %", "0 %": a share for people. "unknown" where it is not a number."""
    if not math.isfinite(value):
        return "unknown"
    return f"{100 * value:.1f} %" if 0 < abs(value) < 0.0095 else f"{100 * value:.0f} %"


def number(value: float) -> str:
    """A weight or a temperature without zeros that say nothing: "0", "0.005", "0.12"."""
    return f"{value:.3g}"
