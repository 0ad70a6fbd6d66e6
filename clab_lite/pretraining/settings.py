"""How the loop of a pre-training works, apart from what a method settles itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clab_lite.ranges import checked

_COUNT = (1, 1_000_000_000)


@dataclass(frozen=True)
@checked(threads=(1, 1024), workers=(0, 1024), log_every=_COUNT, checkpoint_every=_COUNT)
class LoopConfig:
    """The loop of a pre-training. Nothing here changes what is learned, apart from rounding."""

    threads: int | None = None
    """CPU threads; None times a few steps and keeps the fastest."""
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """auto: bfloat16 autocast where the device computes in it, else float32."""
    deterministic: bool = False
    """Two runs give the same bits: nothing is timed (1 thread and float32 unless set), algorithms are deterministic."""
    workers: int = 0
    """Processes that prepare batches; 0 prepares them in the training process."""
    log_every: int = 10
    """Steps between log rows."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
