"""The inner loop of pre-training, without files: one method, its batches, its optimiser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from clab_lite.methods.shared.method import Method, Source
from clab_lite.methods.shared.recipe import PretrainConfig, learning_rate
from clab_lite.training.optimizer import build_optimizer, set_learning_rate


@dataclass(frozen=True)
class StepReport:
    """What one step did."""

    step: int
    """0-based."""
    rate: float
    """Its learning rate."""
    terms: dict[str, float]
    """What the method gave: unweighted terms, "total", and what else it counts."""


def train_steps(
    method: Method, source: Source, config: PretrainConfig, *, optimizer: torch.optim.Optimizer | None = None,
    start: int = 0,
) -> Iterator[StepReport]:  # fmt: skip
    """Train from step `start` to `config.steps`, one report after each step. Stop by not asking for the next.

    Args:
        method: in training mode; its weights change.
        source: its batches, on the method's device.
        config: the recipe.
        optimizer: to go on with; None builds one.
        start: the first step to do.

    Raises:
        FloatingPointError: a term is not finite.
    """
    optimizer = build_optimizer(list(method.trainable()), config) if optimizer is None else optimizer
    for step in range(start, config.steps):
        rate = learning_rate(config, step)
        set_learning_rate(optimizer, rate)
        terms = method(source.batch(step))
        optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()
        method.update()
        values = {name: value.item() for name, value in terms.items()}
        if not torch.isfinite(terms["total"]):
            raise FloatingPointError(f"step {step}: the total is not finite; terms: {values}. Lower the learning rate.")
        optimizer.step()
        yield StepReport(step, rate, values)
