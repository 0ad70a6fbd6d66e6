"""One training iteration, forward and backward: the plain path against the library; times, memory, differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from kept_for_backward import kept_bytes
from plain_path import losses_plainly
from torch import Tensor

from clab_lite.detector import VideoDetector
from speed.alone import alone, megabytes_of
from speed.paired import compare
from speed.scene import SMALL, Case, training_batch

CLIPS, REFERENCES = 2, 2
Step = Callable[[], dict[str, Tensor]]


def steps(size: tuple[int, int] = SMALL) -> dict[str, Step]:
    """By the way: a call that makes losses and gradients of the same batch and the same random choices."""
    detector = Case(size=size).detector().train()
    clips, targets = training_batch(CLIPS, REFERENCES, size)

    def step(losses_of: Callable[..., dict[str, Tensor]]) -> dict[str, Tensor]:
        torch.manual_seed(0)
        detector.zero_grad()
        losses = losses_of(clips, targets)
        torch.stack(list(losses.values())).sum().backward()
        return {**{name: loss.detach() for name, loss in losses.items()}, **gradients(detector)}

    return {
        "plain": lambda: step(lambda *batch: losses_plainly(detector, *batch)),
        "ours": lambda: step(detector),
    }


def gradients(detector: VideoDetector) -> dict[str, Tensor]:
    """Of every trained parameter, by name."""
    return {name: p.grad for name, p in detector.named_parameters() if p.grad is not None}


def measure(turns: int) -> dict[str, Any]:
    """Times by `compare`, the largest relative differences, memory of each way in MB."""
    ways = steps()
    times = compare(ways["plain"], {"float32": ways["ours"]}, turns)
    found, wanted = ({name: value.clone() for name, value in ways[way]().items()} for way in ("ours", "plain"))
    memory = {way: alone(memory_of, way) for way in ways}
    return {"size": SMALL, "clips": CLIPS, "references": REFERENCES, **times,
            "difference": largest_difference(found, wanted), "memory_mb": memory, "kept_mb": kept()}  # fmt: skip


def kept(size: tuple[int, int] = SMALL) -> dict[str, float]:
    """By the way: MB that a forward pass keeps for its backward pass, the weights left out."""
    detector = Case(size=size).detector().train()
    batch = training_batch(CLIPS, REFERENCES, size)
    ways = {"plain": lambda: losses_plainly(detector, *batch), "ours": lambda: detector(*batch)}
    return {way: kept_bytes(losses_of, detector)[0] / 1e6 for way, losses_of in ways.items()}


def memory_of(way: str) -> dict[str, float]:
    """MB held before the second iteration, the first one's gradients in it, and at most during it."""
    torch.set_num_threads(1)
    step = steps()[way]
    step()
    before, most = megabytes_of(step)
    return {"before": before, "most": most}


def largest_difference(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, float]:
    """Of all losses, and of all gradients: the largest difference relative to the largest number of its tensor.

    The key biases of SELSA are left out: their true gradient is 0, a softmax does not see what is added to all scores.
    """
    result = {"loss": 0.0, "gradient": 0.0}
    for name, value in wanted.items():
        if not name.endswith("key.bias"):
            kind = "gradient" if "." in name else "loss"
            result[kind] = max(result[kind], float((found[name] - value).abs().max() / value.abs().max()))
    return result
