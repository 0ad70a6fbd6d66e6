"""Chooses the number of CPU threads and the precision by timing a few real steps.

Two threads on a machine that is busy elsewhere can be ten times slower than one, because the threads of one
operation wait for each other at every barrier. Only a measurement tells.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from clab_lite.distributed import world_size

Precision = Literal["float32", "bfloat16"]

_STEPS = 3
"""Timed steps per candidate, after one that warms up."""
_CLEARLY_FASTER = 0.9
"""A candidate must take less than this share of the best time so far: the simpler setting wins a near tie."""
_SLOW = 3.0
"""Steps this many times slower than measured mean that the machine has become busy."""
_HOPELESS_FIRST = 6.0
"""The first step of a candidate also pays for setting up, but not this many times the best step."""
_PATIENCE = 10.0
"""Seconds spent in slow steps, less those in normal ones, after which one thread is tried."""


class ComputeSettings(Protocol):
    """What is asked for: of `TrainConfig`, these three fields."""

    @property
    def threads(self) -> int | None: ...
    @property
    def precision(self) -> Literal["auto", "float32", "bfloat16"]: ...
    @property
    def deterministic(self) -> bool: ...


@dataclass(frozen=True)
class Compute:
    """How steps are computed."""

    threads: int
    precision: Precision
    step_seconds: float | None = None
    """Measured for one step; None when nothing was timed."""

    def __str__(self) -> str:
        """What to set in the config to compute exactly like this again."""
        return self.named("train")

    def named(self, part: str) -> str:
        """The same for the part of a configuration that holds these two settings."""
        return f"{part}.threads = {self.threads}, {part}.precision = {self.precision}"


def choose_compute(config: ComputeSettings, device: torch.device, run_step: Callable[[Precision], None]) -> Compute:
    """Settle threads and precision, and set the threads.

    Args:
        config: `threads` and `precision` as asked for; what is asked for explicitly is not timed, and nothing is where
            the run is to be deterministic: times would choose. It has one thread then, and float32.
        device: where the steps run. On CUDA nothing is timed: "auto" is bfloat16 where the GPU computes in
            it.
        run_step: one forward and backward pass at the given precision, without a change of the weights.
            Called inside `state_kept`.

    Several processes do not time themselves (they would disturb each other, and all must agree): they keep
    the threads torchrun gave them, and "auto" is float32 on a CPU.
    """
    if config.deterministic:
        threads = config.threads or (torch.get_num_threads() if device.type != "cpu" or world_size() > 1 else 1)
        torch.set_num_threads(threads)
        return Compute(threads, "bfloat16" if config.precision == "bfloat16" else "float32")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if device.type != "cpu" or world_size() > 1:
        precision = config.precision if config.precision != "auto" else _device_precision(device)
        return Compute(torch.get_num_threads(), precision)
    best: Compute | None = None
    asked: Precision = "bfloat16" if config.precision == "bfloat16" else "float32"
    candidates = [config.threads] if config.threads is not None else _thread_candidates()
    if len(candidates) > 1 or config.precision == "auto":
        for threads in candidates:
            best = _faster(best, Compute(threads, asked), run_step)
        if config.precision == "auto" and best is not None:
            best = _faster(best, Compute(best.threads, "bfloat16"), run_step)
    chosen = best or Compute(candidates[0], asked)
    torch.set_num_threads(chosen.threads)
    return chosen


@contextmanager
def state_kept(detector: nn.Module) -> Iterator[None]:
    """Put buffers (norm statistics), gradients and random states back after the block."""
    buffers = {name: buffer.detach().clone() for name, buffer in detector.named_buffers()}
    gradients = [parameter.grad for parameter in detector.parameters()]
    devices = list({p.device for p in detector.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            for parameter, gradient in zip(detector.parameters(), gradients, strict=True):
                parameter.grad = gradient
            with torch.no_grad():
                for name, buffer in detector.named_buffers():
                    buffer.copy_(buffers[name])


class SpeedWatch:
    """Notices when a CPU that was quiet at calibration becomes busy, and falls back to one thread."""

    def __init__(self, compute: Compute) -> None:
        self.compute = compute
        self._slow_seconds = 0.0

    def add(self, seconds: float) -> str | None:
        """Take one step's time; on a change of threads return a sentence for the log."""
        expected, threads = self.compute.step_seconds, self.compute.threads
        if expected is None or threads == 1:
            return None
        slow = seconds > _SLOW * expected
        self._slow_seconds = max(self._slow_seconds + (seconds if slow else -seconds), 0.0)
        if self._slow_seconds < _PATIENCE:
            return None
        torch.set_num_threads(1)
        self.compute = Compute(1, self.compute.precision, None)
        return f"a step took {seconds:.2f} s, {expected:.2f} s when timed: {threads} threads -> 1"


def _faster(best: Compute | None, candidate: Compute, run_step: Callable[[Precision], None]) -> Compute:
    """Time the candidate; it replaces the best only when clearly faster."""
    torch.set_num_threads(candidate.threads)
    limit = math.inf if best is None or best.step_seconds is None else best.step_seconds
    times: list[float] = []
    for attempt in range(1 + _STEPS):
        start = time.perf_counter()
        run_step(candidate.precision)
        times.append(time.perf_counter() - start)
        if times[-1] > limit * (_HOPELESS_FIRST if attempt == 0 else _SLOW):
            break  # Do not spend more time on it.
    typical = statistics.median(times[1:] or times)
    if best is not None and typical > _CLEARLY_FASTER * limit:
        return best
    return Compute(candidate.threads, candidate.precision, typical)


def _thread_candidates() -> list[int]:
    """1, 2, 4, ... up to the cores this process may use (OMP_NUM_THREADS, when set, is the limit)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    limit = min(cores, int(asked)) if asked.isdigit() and int(asked) > 0 else cores
    return sorted({min(2**power, limit) for power in range(limit.bit_length() + 1)})


def _device_precision(device: torch.device) -> Precision:
    """bfloat16 where a GPU computes in it."""
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float32"
