"""What one run of the comparison leaves: plain numbers."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clab_lite.errors import DataError
from clab_lite.plain_values import built
from clab_lite.study.comparison.arms import Arm

RECORD = "arm.json"
_REMEDY = "Make it anew with `clab-lite study --plan methods`."


@dataclass(frozen=True)
class ArmRecord:
    """One run: what was asked, and what was measured."""

    arm: Arm
    ap: dict[str, float]
    """AP50 on held-out videos: all, clean, troubled, each trouble, slow, medium, fast. NaN where it is undefined."""
    pretrain_seconds: float
    """Processor time of the pre-training, with the making of its batches; 0 without one."""
    detector_seconds: float
    """Processor time of the detector's training."""
    terms: dict[str, tuple[float, float]]
    """Of the pre-training, by name: at its first step, and the mean of its last steps. Empty without one."""
    backbone: str
    """Digest of the pre-trained backbone; empty without one."""
    videos: str
    """Which videos `ap` is of."""
    made_of: Mapping[str, str]
    """What the numbers depend on besides the arm: digests of data and configurations, versions."""

    @property
    def seconds(self) -> float:
        """Processor time of pre-training and training together."""
        return self.pretrain_seconds + self.detector_seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json; NaN becomes None."""
        plain = asdict(self)
        plain["ap"] = {name: round(value, 5) if math.isfinite(value) else None for name, value in self.ap.items()}
        plain["terms"] = {name: [round(value, 4) for value in pair] for name, pair in self.terms.items()}
        plain["pretrain_seconds"] = round(self.pretrain_seconds, 1)
        plain["detector_seconds"] = round(self.detector_seconds, 1)
        plain["made_of"] = dict(self.made_of)
        return plain

    @classmethod
    def from_dict(cls, values: Any, place: Path) -> ArmRecord:
        """The inverse of `to_dict`.

        Raises:
            DataError: a field is missing or wrong.
        """
        try:
            return built(cls, values, missing_is_nan=True)
        except ValueError as error:
            named = values.get("arm") if isinstance(values, dict) else values
            problem = f"is none of the comparison ({error})"
            raise DataError.at(place, f"record {reprlib.repr(named)}", problem, _REMEDY) from error
