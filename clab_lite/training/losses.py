"""The total loss, and the record of recent losses that feeds the log and stops a diverging run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.distributed import average_over_ranks, world_size
from clab_lite.errors import NotFinite
from clab_lite.training.calibrate import Precision

DETECTION_LOSSES = ("rpn_objectness", "rpn_box", "box_class", "box_regression")
LOSSES = (*DETECTION_LOSSES, "contrast")
_REMEDY = (
    "Lower train.learning_rate or train.gradient_clip, or check these samples; the last checkpoint is from before."
)


class TrainingDiverged(NotFinite):
    """A loss or the gradient is not finite. The message holds every component, the sample ids and the first layer."""


def compute_losses(
    model: nn.Module, clips: Tensor, targets: list[dict[str, Any]], precision: Precision
) -> dict[str, Tensor]:
    """The model's five unweighted losses, under autocast when the precision is bfloat16."""
    with torch.autocast(clips.device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        losses: dict[str, Tensor] = model(clips, targets)
    return losses


def total_loss(losses: dict[str, Tensor], contrast_weight: float) -> Tensor:
    """Sum of the four detection losses plus the weighted contrastive loss: scalar."""
    total = torch.stack([losses[name].float() for name in DETECTION_LOSSES]).sum()
    return total + contrast_weight * losses["contrast"].float()


class RecentLosses:
    """Losses since the last log row, kept on the device so that a GPU is not waited for at each step."""

    def __init__(self, saved: Tensor | None = None, terms: Sequence[str] = LOSSES, remedy: str = _REMEDY) -> None:
        """
        Args:
            saved: what `state` gave, (K, terms + 2).
            terms: names of the losses; "total" and "gradient_norm" come after them.
            remedy: what to do when one is not finite.
        """
        self.terms = tuple(terms)
        self._columns = (*self.terms, "total", "gradient_norm")
        self._remedy = remedy
        self._rows: list[Tensor] = [] if saved is None else list(saved)
        self._unchecked: list[tuple[int, Tensor, Sequence[str]]] = []

    def add(
        self,
        iteration: int,
        losses: dict[str, Tensor],
        total: Tensor,
        gradient_norm: Tensor,
        sample_ids: Sequence[str] = (),
    ) -> None:
        """Remember one iteration (scalars, also with a graph; it is not kept)."""
        values = [*(losses[name] for name in self.terms), total, gradient_norm]
        row = torch.stack([value.detach().float() for value in values])
        self._rows.append(row)
        self._unchecked.append((iteration, row, sample_ids))

    def check(self) -> None:
        """Raise TrainingDiverged when a value added since the last check is not finite. Waits for the GPU."""
        unchecked, self._unchecked = self._unchecked, []
        if not unchecked or torch.stack([row for _, row, _ in unchecked]).isfinite().all():
            return
        for iteration, row, sample_ids in unchecked:
            values = dict(zip(self._columns, row.tolist(), strict=True))
            if not all(math.isfinite(value) for value in values.values()):
                components = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
                samples = f"Samples: {', '.join(sample_ids)}. " if sample_ids else ""
                raise TrainingDiverged(
                    f"Training stopped at iteration {iteration}: {components}. {samples}{self._remedy}"
                )

    def mean(self) -> tuple[dict[str, float], float]:
        """Mean losses (with "total") and gradient norm over recent iterations and ranks; then forget."""
        values = average_over_ranks(torch.stack(self._rows)).mean(dim=0).tolist()
        self._rows = []
        named = dict(zip(self._columns, values, strict=True))
        norm = named.pop("gradient_norm")
        return named, norm

    def state(self) -> Tensor:
        """(K, terms + 2) on the CPU, for a checkpoint: the mean over ranks. Called on every rank."""
        rows = average_over_ranks(torch.stack(self._rows)).cpu() if self._rows else None
        return torch.zeros((0, len(self._columns))) if rows is None else rows


def contrast_chance(level: str, frames_per_clip: int, targets: Sequence[dict[str, Any]]) -> float | None:
    """NT-Xent of embeddings that tell nothing: ln(1 + negatives of a row), averaged over positive pairs.

    Args:
        level: "frame" (rows are frames, positives share the clip) or "object" (rows are boxes, positives
            share the track).
        frames_per_clip: 1 + T.
        targets: of this rank's clips; the other ranks are taken to hold as many rows.

    Returns:
        None when there is no positive pair or no negative row.
    """
    if level == "frame":
        groups = [frames_per_clip] * len(targets)
    else:
        frames = [(clip, frame) for clip, t in enumerate(targets) for frame in (t, *t.get("reference_targets", ()))]
        groups = list(Counter((clip, int(track)) for clip, f in frames for track in f["track_ids"]).values())
    rows = sum(groups) * world_size()
    pairs = [size * (size - 1) for size in groups]
    if sum(pairs) == 0 or rows == max(groups):
        return None
    chances = [count * math.log(1 + rows - size) for count, size in zip(pairs, groups, strict=True)]
    return sum(chances) / sum(pairs)
