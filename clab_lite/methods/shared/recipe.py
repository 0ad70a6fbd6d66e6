"""How a related method is pre-trained: the settings of the optimiser and its learning rate, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from clab_lite.ranges import checked


@dataclass(frozen=True)
@checked(
    steps=(1, 1_000_000_000), batch=(1, 65_536), learning_rate=(0, 1000), momentum=(0, 1), weight_decay=(0, 1),
    floor=(0, 1), rate_every=(1, 1_000_000_000), warmup=(0, 1_000_000_000), seed=(0, 2**63 - 1),
)  # fmt: skip
class PretrainConfig:
    """The pre-training loop."""

    steps: int = 150
    """Steps of the optimizer."""
    batch: int = 16
    """Samples per step; what a sample is, the method says."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd or adamw."""
    learning_rate: float = 0.05
    """Peak learning rate, for the whole batch."""
    momentum: float = 0.9
    """Of sgd (adamw keeps its usual betas)."""
    nesterov: bool = False
    """Whether sgd uses Nesterov momentum."""
    weight_decay: float = 0.0001
    """Pull of the weights to zero, per step."""
    schedule: Literal["cosine", "cosine_floor", "constant"] = "cosine"
    """cosine falls to zero; cosine_floor to `floor` times the rate (RINCE); constant stays."""
    floor: float = 0.001
    """Share of the learning rate that cosine_floor ends at (published: 0.1 to the power of 3)."""
    rate_every: int = 1
    """Steps between changes of the rate; the official codes change it once per epoch."""
    warmup: int = 0
    """Steps in which the rate rises in a straight line from 1 / warmup of its value."""
    seed: int = 0
    """Random seed; the same seed gives the same run."""


def learning_rate(config: PretrainConfig, step: int) -> float:
    """Learning rate of one step (0-based): a pure function, so that a resumed run continues where it was.

    cosine starts at the full rate. cosine_floor counts its epochs from 1, as the official code does, and ends exactly
    at the floor (golden kind `lr.cosine_floor`).
    """
    epoch, epochs = step // config.rate_every, math.ceil(config.steps / config.rate_every)
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = rate * _half_cosine(epoch / epochs)
    elif config.schedule == "cosine_floor":
        lowest = config.learning_rate * config.floor
        rate = lowest + (rate - lowest) * _half_cosine((epoch + 1) / epochs)
    return rate * min((step + 1) / config.warmup, 1.0) if config.warmup else rate


def _half_cosine(position: float) -> float:
    """1 at position 0, 0 at position 1, flat at both."""
    return (1 + math.cos(math.pi * position)) / 2
