"""What one run of ranked contrast leaves: plain numbers, small enough to ship."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clab_lite.checksums import require_sum
from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError
from clab_lite.files import write_text
from clab_lite.plain_values import built

RECORDS = "records.json"
CURVE_POINTS = 60
"""A stored ROC curve has at most so many points; AUROCs are computed before, from all scores."""


@dataclass(frozen=True)
class TrialRecord:
    """One run. Cosines are of test crops to the class means of the training crops."""

    objective: str
    """"ranked" or "softmax"."""
    variant: str
    ranks: int
    ranking: str
    semantics: str
    seed: int
    steps: int
    class_names: tuple[str, ...]
    """The classes that were learned."""
    withheld: tuple[str, ...]
    counts: dict[str, int]
    """Crops: train, known, near, far."""
    accuracy: float
    """Of the nearest class mean."""
    output_accuracy: float | None
    """Of the largest output; only SoftMax has outputs."""
    near_auroc: float
    far_auroc: float
    ladder: tuple[float, ...]
    """Mean cosine to own class, rank 2, rank 3, rest: of the three-rank ladder of `ranking`, whatever was trained."""
    cosines: tuple[tuple[float, ...], ...]
    """Row: test crops of a class; column: class mean. Enough for the ladder of any ranking."""
    class_counts: tuple[int, ...]
    """Test crops of each class."""
    withheld_cosines: tuple[tuple[float, ...], ...]
    """Row: crops of a withheld class; column: class mean."""
    near_curve: tuple[tuple[float, ...], tuple[float, ...]]
    far_curve: tuple[tuple[float, ...], tuple[float, ...]]
    """False and true positive rates."""
    seconds: float
    """Of training."""
    precision: str = "float32"
    """Of training; everything is judged in float32."""
    near_cosine_auroc: float = float("nan")
    far_cosine_auroc: float = float("nan")
    """With the largest cosine as the score; NaN where it was not kept."""

    @property
    def method(self) -> str:
        """What the run is called in tables: "SoftMax", "r=3 in", with what is unusual about it."""
        if self.objective == "softmax":
            return "SoftMax"
        odd = [word for word in (self.semantics,) if word != "clean"]
        return " ".join([f"r={self.ranks} {self.variant}", *odd])

    def ladder_of(self, rank: NDArray[np.integer], count: int) -> NDArray[np.float64]:
        """The ladder (count + 1,) of any ranking, from its ranks (C, C) as in `Ranks.of`; NaN where nobody is.

        Equals `clab_lite.methods.ranked.measure.ladder` of the crops, up to the rounding of the stored cosines.
        """
        cosines, crops = np.array(self.cosines), np.array(self.class_counts, np.float64)
        steps = []
        for number in range(count + 1):
            there = rank == number
            weight = crops * there.any(axis=1)
            per_class = (cosines * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
            steps.append((per_class * weight).sum() / weight.sum() if weight.sum() else np.nan)
        return np.array(steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json; NaN becomes None."""
        return json.loads(json.dumps(asdict(self)), parse_constant=lambda _: None)

    @classmethod
    def from_dict(cls, values: Any, place: Path) -> TrialRecord:
        """The inverse of `to_dict`. DataError: a field is missing or of another kind."""
        try:
            return built(cls, values, missing_is_nan=True)
        except ValueError as error:
            remedy = "Make it anew with `clab-lite ranked-sweep`."
            raise DataError.at(place, "", f"it holds no record of ranked contrast ({error})", remedy) from error


def thinned(curve: tuple[NDArray[np.float64], NDArray[np.float64]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A ROC curve with at most `CURVE_POINTS` points, its ends among them, in four digits."""
    rows = np.unique(np.linspace(0, len(curve[0]) - 1, CURVE_POINTS).round().astype(int))
    false, true = (tuple(round(float(rate[row]), 4) for row in rows) for rate in curve)
    return false, true


def rounded(table: NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    """Four digits are more than seeds agree on."""
    return tuple(tuple(round(float(value), 4) for value in row) for row in table)


def write_records(folder: Path, records: Sequence[TrialRecord]) -> None:
    """Write all records of a sweep into its records.json, one per line."""
    lines = ",\n".join(json.dumps(record.to_dict()) for record in records)
    write_text(folder / RECORDS, f"[\n{lines}\n]\n")


def read_records(folder: str | Path) -> list[TrialRecord]:
    """The records of a sweep, in the order of their making.

    Raises:
        DataError: there is no records.json, or it holds something else.
    """
    path = Path(folder) / RECORDS
    require_sum(path)
    content = read_json(path, "Make it with `clab-lite ranked-sweep`.")
    if not isinstance(content, list):
        raise DataError.at(path, "", "it is no list of records", "Make it anew with `clab-lite ranked-sweep`.")
    return [TrialRecord.from_dict(values, path) for values in content]
