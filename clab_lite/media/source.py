"""What every source of frames offers, be it a video file or pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

from clab_lite.errors import DataError


@dataclass(frozen=True)
class Frame:
    """One frame of a source, upright as a player would show it."""

    number: int
    """From 0."""
    seconds: float
    """Since the first frame."""
    pixels: Tensor
    """(3, H, W) uint8, red first."""


class Source(Protocol):
    """Frames of one size, that can be read again and again from the start."""

    @property
    def paths(self) -> list[Path]:
        """The files."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames in pixels."""

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""

    @property
    def time_base(self) -> Fraction:
        """Seconds of one tick: the times of all frames are multiples of it."""

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel divided by its height; 1 nearly always."""

    @property
    def notes(self) -> list[str]:
        """What the last reading found to be not as it should; complete when it has ended."""

    def __len__(self) -> int:
        """Frames that reading is expected to give."""

    def name(self, number: int) -> str:
        """What to call a frame: the name of its file, or its number."""

    def frames(self) -> Iterator[Frame]:
        """All frames in order, one at a time. DataError names what cannot be read."""

    def pick(self, numbers: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        """(number, pixels) of each wanted frame once, in ascending order; for damaged ones, of a readable neighbour."""


def require_size(path: Path, record: str, pixels: Tensor, size: tuple[int, int], remedy: str) -> Tensor:
    """The pixels (3, H, W), when they are of `size` (width, height). DataError with the remedy otherwise."""
    if (pixels.shape[2], pixels.shape[1]) != size:
        problem = f"is {pixels.shape[2]}x{pixels.shape[1]} pixels, the first frame {size[0]}x{size[1]}"
        raise DataError.at(path, record, problem, remedy)
    return pixels
