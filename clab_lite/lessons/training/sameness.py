"""Are two runs the same run? Row by row and weight by weight, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clab_lite.training.checkpoint import CHECKPOINT, read_checkpoint
from clab_lite.training.log import read_log
from clab_lite.training.run_folder import LOG

NOT_COMPARED = ("seconds", "note")
"""How long it took, and remarks about the machine."""


@dataclass(frozen=True)
class Sameness:
    """What the comparison found."""

    rows: int
    """Rows of each log; -1 when they have different numbers of rows."""
    first_difference: str
    """Where the logs differ first; empty when they do not."""
    weights: int
    """Numbers in the state of the model: its weights, and the means and variances that BatchNorm keeps."""
    different_weights: int

    @property
    def same(self) -> bool:
        """Not one bit differs."""
        return not self.first_difference and self.different_weights == 0

    def __str__(self) -> str:
        logs = f"{self.rows} rows of the log: " + (self.first_difference or "equal to the last bit")
        return f"{logs}\n{self.weights:,d} numbers (weights, and what BatchNorm remembers): " + (
            "equal to the last bit" if not self.different_weights else f"{self.different_weights:,d} differ"
        )


def compare_runs(one: str | Path, other: str | Path) -> Sameness:
    """Compare the logs and the checkpoints of two run folders."""
    logs = [[_content(row) for row in read_log(Path(folder) / LOG)] for folder in (one, other)]
    first = "" if len(logs[0]) == len(logs[1]) else f"{len(logs[0])} rows against {len(logs[1])}"
    for a, b in zip(*logs, strict=False):
        if not first and a != b:
            names = [name for name in a if a[name] != b.get(name)]
            first = f"step {a['iteration']}: {', '.join(names)} differ"
    states = [read_checkpoint(Path(folder) / CHECKPOINT)["model"] for folder in (one, other)]
    different = sum(int((states[0][name] != states[1][name]).sum()) for name in states[0])
    count = sum(tensor.numel() for tensor in states[0].values())
    return Sameness(len(logs[0]) if len(logs[0]) == len(logs[1]) else -1, first, count, different)


def steps_of(folder: str | Path) -> list[int]:
    """The steps at which the log of a run has rows."""
    return [row["iteration"] for row in read_log(Path(folder) / LOG)]


def checkpoint_step(folder: str | Path) -> int:
    """The steps that the checkpoint of a run holds."""
    return int(read_checkpoint(Path(folder) / CHECKPOINT)["iteration"])


def _content(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in NOT_COMPARED}
