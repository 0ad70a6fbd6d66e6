"""How long a video file says it is, to tell one that was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_NEARLY, _SLACK = 0.95, 0.2
"""Share, and seconds, that headers and frames may differ by in a sound file."""


@dataclass(frozen=True)
class Announced:
    """What the header of a file holds; 0 where it says nothing."""

    frames: int
    seconds: float

    @classmethod
    def by(cls, container: Any, stream: Any, rate: Fraction) -> Announced:
        """From an open PyAV file and its video stream."""
        if container.format.name == "avi":  # FFmpeg replaces the times of a cut file by what its size allows
            return cls(stream.frames, float(stream.frames / rate))
        if stream.duration is not None:
            return cls(stream.frames, float(stream.duration * stream.time_base))
        alone = len(container.streams) == 1 and container.duration is not None  # sound may last longer
        return cls(stream.frames, container.duration / 1_000_000 if alone else 0.0)

    def missing(self, frames: int, seconds: float) -> str:
        """In words, when clearly fewer frames of clearly fewer seconds came; else empty."""
        if frames >= self.frames * _NEARLY > 0 or seconds >= self.seconds * _NEARLY - _SLACK:
            return ""
        if self.frames:
            return f"{frames} of the {self.frames} frames that it announces could be read"
        return f"{seconds:.1f} of the {self.seconds:.1f} seconds that it announces could be read"
