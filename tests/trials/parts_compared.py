"""What every part of a training step computes, in several precisions and numbers of threads, against a first run.

The regions, and which of them are sampled, are those of the first run every time: otherwise one score that changes its
place changes all that comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from clab_lite.config import DataConfig, FrameConfig
from clab_lite.data.clips import ClipDataset, collate_clips
from clab_lite.data.vid import open_dataset
from clab_lite.detector import VideoDetector, video_detector
from clab_lite.training.losses import total_loss
from trials.page import ROOT

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
Parts = dict[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """Between numbers and their float64 truth. finite: whether all are.

    largest: the largest difference, as a share of the largest number. typical: the median relative difference of those
    numbers that are not small (above a thousandth of the largest).
    """

    largest: float
    typical: float
    finite: bool

    @classmethod
    def of(cls, found: Tensor, truth: Tensor) -> Difference:
        found, truth = found.double().flatten(), truth.double().flatten()
        size = truth.abs()
        largest = size.max().clamp(min=1e-300)
        apart, counts = (found - truth).abs(), size > largest / 1000
        typical = (apart[counts] / size[counts]).median() if counts.any() else torch.zeros(())
        return cls(float(apart.max() / largest), float(typical), bool(found.isfinite().all()))

    def __str__(self) -> str:
        return f"{self.largest:.1e} / {self.typical:.1e}" if self.finite else "not finite"


class Proposals:
    """Gives back, call by call, what was proposed in the first run."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.again: Iterator[tuple[Tensor, Tensor]] | None = None
        self.original = video_detector.propose

    def __call__(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        if self.again is not None:
            return next(self.again)
        self.kept.append(self.original(*arguments))
        return self.kept[-1]


def batch_of(name: str, size: FrameConfig, clips: int) -> tuple[Tensor, list[dict[str, Any]]]:
    """Clips of the bundled videos, as in training."""
    index = open_dataset(ROOT / name, "train", cache=False)
    dataset = ClipDataset(index, DataConfig(references=2, flip=0.0), size, seed=0)
    return collate_clips([dataset[i, len(dataset) * i // clips] for i in range(clips)])


@contextmanager
def computing_in(precision: torch.dtype | None) -> Iterator[None]:
    with torch.autocast("cpu", dtype=precision or torch.bfloat16, enabled=precision is not None):
        yield


def parts_of(detector: VideoDetector, clips: Tensor, targets: list[dict[str, Any]], proposals: Proposals) -> Parts:
    """What every part of a training step computes, its losses and its gradients."""
    parts: Parts = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            tensors = output if isinstance(output, list | tuple) else [output]
            parts[name] = torch.cat([tensor.detach().double().flatten() for tensor in tensors])

        return hook

    pooled = detector._pool

    def kept_regions(*arguments: Any) -> Tensor:
        result: Tensor = pooled(*arguments)
        parts["regions (RoIAlign)"] = result.detach().double()
        return result

    last = f"box_head.aggregators.{len(detector.box_head.layers) - 1}"
    modules = {
        "C4 and C5": "backbone", "neck": "neck", "objectness": "rpn.objectness", "RPN deltas": "rpn.deltas",
        "Temporal RoI Align": "temporal", "SELSA (last layer)": last,
        "class logits": "box_head.classify", "box deltas": "box_head.regress",
    }  # fmt: skip
    hooks = [detector.get_submodule(module).register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        torch.manual_seed(0)
        pooling = mock.patch.object(detector, "_pool", kept_regions)
        with mock.patch.object(video_detector, "propose", proposals), pooling:
            losses = detector(clips, targets)
    finally:
        for hook in hooks:
            hook.remove()
    total = total_loss(losses, 0.1)
    detector.zero_grad(set_to_none=True)
    total.backward()
    parts |= {f"loss {name}": value.detach() for name, value in losses.items()} | {"total loss": total.detach()}
    gradients = {name: p.grad.double().flatten() for name, p in detector.named_parameters() if p.grad is not None}
    for part in ("backbone", "neck", "rpn", "temporal", "box_head", "auxiliary"):
        own = [gradient for name, gradient in gradients.items() if name.startswith(part)]
        if own:
            parts[f"gradient of {part}"] = torch.cat(own)
    return parts


def compare(detector: VideoDetector, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Part -> precision -> Difference, or why there is none."""
    detector.train()
    proposals = Proposals()
    truth = parts_of(detector.double(), clips.double(), targets, proposals)
    detector.float()
    table: dict[str, dict[str, Any]] = {name: {} for name in truth}
    for name, kind in PRECISIONS.items():
        proposals.again = iter(proposals.kept)
        try:
            with computing_in(kind):
                found = parts_of(detector, clips, targets, proposals)
        except RuntimeError as error:
            for rows in table.values():
                rows[name] = f"cannot be computed: {str(error).splitlines()[0]}"
            continue
        for part, value in truth.items():
            table[part][name] = Difference.of(found[part], value)
    return table


def threads_compared(detector: VideoDetector, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, float]:
    """Part -> the largest difference between one thread and two, float32, as a share of the largest number."""
    before, proposals, runs = torch.get_num_threads(), Proposals(), []
    detector.train()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            runs.append(parts_of(detector, clips, targets, proposals))
            proposals.again = iter(proposals.kept)
    finally:
        torch.set_num_threads(before)
    return {name: Difference.of(runs[1][name], value).largest for name, value in runs[0].items()}
