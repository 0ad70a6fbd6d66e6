"""Where the time of a call goes: seconds and multiply-adds of its parts, each without the parts inside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from clab_lite.detector.sparse_rows import SparseRows

REST = "rest"
Watched = Sequence[tuple[Any, str, str]]
"""(owner, name of a function of it, part that its time belongs to)."""


@dataclass
class Trace:
    """Cost by part. `clock` is read when one part ends and another begins: whatever it counts is split among them."""

    clock: Callable[[], float]
    parts: dict[str, float] = field(default_factory=dict)
    _stack: list[str] = field(default_factory=lambda: [REST])
    _last: float = 0.0

    def start(self) -> None:
        self._last = self.clock()

    def charge(self) -> None:
        """What was counted since the last call belongs to the innermost part."""
        now = self.clock()
        self.parts[self._stack[-1]] = self.parts.get(self._stack[-1], 0.0) + now - self._last
        self._last = now

    def around(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """The function, charged to a part."""

        def charged(*arguments: Any, **named: Any) -> Any:
            self.charge()
            self._stack.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self.charge()
                self._stack.pop()

        return charged


def seconds_by_part(work: Callable[[], object], watched: Watched) -> dict[str, float]:
    """CPU-seconds of one call."""
    trace = Trace(time.process_time)
    with _watching(trace, watched):
        trace.start()
        work()
        trace.charge()
    return trace.parts


def multiply_adds_by_part(work: Callable[[], object], watched: Watched) -> dict[str, float]:
    """Multiply-adds of one call: of matrix products and convolutions, as torch counts them, and of `SparseRows`."""
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # some versions of torch leave it out
    sums = 0.0

    def counted(rows: SparseRows, table: Any) -> Any:
        nonlocal sums
        sums += len(rows.index) * table.shape[1]
        return original(rows, table)

    original = SparseRows.of
    with (
        FlopCounterMode(display=False, custom_mapping={attention: _attention_flop}) as counter,
        patch.object(SparseRows, "of", counted),
    ):
        trace = Trace(lambda: counter.get_total_flops() / 2 + sums)
        with _watching(trace, watched):
            work()
            trace.charge()
    return trace.parts


def _attention_flop(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


@contextmanager
def _watching(trace: Trace, watched: Watched) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, part in watched:
            charged = trace.around(getattr(owner, name), part)
            # Of a class: a method keeps its `self`, what is bound already must not get one.
            bound = isinstance(owner, type) and hasattr(getattr(owner, name), "__self__")
            stack.enter_context(patch.object(owner, name, staticmethod(charged) if bound else charged))
        yield
