"""Scores that are not finite end a detection: compared with a threshold they would only look like an empty frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.errors import NotFinite
from clab_lite.nonfinite import first_bad_output

_REMEDY = "Use other weights, or float32 where it was bfloat16."


class FrameNotFinite(NotFinite):
    """Of one of the frames that were computed together: `row` is its place among them."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def require_finite(detector: nn.Module, found: Sequence[tuple[Tensor, list[int]]], again: Callable[[], Any]) -> None:
    """Raise FrameNotFinite unless every number is finite. On a GPU this waits for it, once.

    Args:
        detector: whose layers are looked at when one is not.
        found: several results, and for each how many of its rows belong to each frame.
        again: computes them once more.
    """
    if torch.stack([values.isfinite().all() for values, _ in found]).all():
        return
    bad = [[not part.isfinite().all() for part in values.split(counts)] for values, counts in found]
    row = [any(of_frame) for of_frame in zip(*bad, strict=True)].index(True)
    layer = first_bad_output(detector, again) or "Done once more, every output is finite."
    raise FrameNotFinite(f"the detector's numbers are not finite. {layer} {_REMEDY}", row)


@contextmanager
def frame_named(numbers: Sequence[int]) -> Iterator[None]:
    """Inside, the frames of these numbers are computed together: the message of a FrameNotFinite gets its frame's."""
    try:
        yield
    except FrameNotFinite as error:
        raise NotFinite(f"frame {numbers[error.row]}: {error}") from error
