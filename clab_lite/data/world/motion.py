"""How objects and the camera move: smooth paths in continuous time, so that a blur can integrate between frames.

Time is counted in frames; frame ``t`` is taken at time ``t``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Mean displacement between two frames of a track, in object lengths; the motion IoU falls with it.
REACH = {"slow": (0.0, 0.008), "medium": (0.055, 0.11), "fast": (0.26, 0.46)}
_WINDOW = 21  # the motion IoU looks ten frames back and ten ahead


@dataclass(frozen=True)
class Path:
    """A straight run with a slight sway; a run longer than ``span`` becomes a swing to and fro.

    Attributes:
        speed_x, speed_y: pixels per frame at time 0.
        span: longest distance in pixels the run may cover.
        sway, sway_rate, sway_start: vertical bobbing in pixels, radians per frame and radians.
        frames: length of the video.
    """

    speed_x: float
    speed_y: float
    span: float
    sway: float
    sway_rate: float
    sway_start: float
    frames: int

    def offset(self, time: float) -> tuple[float, float]:
        """Displacement in pixels from the start of the path."""
        run = self._run(time)
        bob = self.sway * float(np.sin(self.sway_start + self.sway_rate * time))
        return self.speed_x * run, self.speed_y * run + bob

    def heading(self, time: float) -> int:
        """+1 while the object runs along its speed, -1 on the way back."""
        return 1 if self._run(time + 0.01) >= self._run(time - 0.01) else -1

    def _run(self, time: float) -> float:
        speed = float(np.hypot(self.speed_x, self.speed_y))
        if speed * (self.frames - 1) <= self.span:
            return time
        rate = 2 * speed / self.span
        return float(np.sin(rate * time)) / rate


def draw_path(kind: str, length: float, frames: int, span: float, rng: np.random.Generator) -> Path:
    """A path of motion ``kind`` ("slow", "medium" or "fast") for an object ``length`` pixels long."""
    low, high = REACH[kind]
    # The mean distance of two frames drawn from n is (n + 1) / 3 frames.
    speed = float(rng.uniform(low, high)) * length * 3 / (min(frames, _WINDOW) + 1)
    tilt = float(rng.uniform(-0.22, 0.22))
    side = 1.0 if rng.random() < 0.5 else -1.0
    return Path(
        speed_x=side * speed * float(np.cos(tilt)),
        speed_y=speed * float(np.sin(tilt)),
        span=span,
        sway=0.0 if kind == "slow" else float(rng.uniform(0, 0.015)) * length,
        sway_rate=float(rng.uniform(0.3, 0.9)),
        sway_start=float(rng.uniform(0, 2 * np.pi)),
        frames=frames,
    )


@dataclass(frozen=True)
class Camera:
    """The corner of the visible window in its landscape: a slow sinusoidal pan around a rest position."""

    landscape: int
    x: float
    y: float
    swing_x: float
    swing_y: float
    rate: float
    start: float

    def corner(self, time: float) -> tuple[float, float]:
        """Left and top pixel of the window at ``time``."""
        turn = float(np.sin(self.start + self.rate * time))
        return self.x + self.swing_x * turn, self.y + self.swing_y * turn


def draw_camera(pool: int, room: tuple[float, float], unit: float, rng: np.random.Generator) -> Camera:
    """A camera over one of ``pool`` landscapes; ``room`` is how far the corner may go, in pixels."""
    still = rng.random() < 0.35
    swing_x = 0.0 if still else float(rng.uniform(8, 30)) * unit
    swing_y = 0.0 if still else float(rng.uniform(0, 5)) * unit
    swing_x, swing_y = min(swing_x, room[0] / 2), min(swing_y, room[1] / 2)
    return Camera(
        landscape=int(rng.integers(pool)),
        x=float(rng.uniform(swing_x, room[0] - swing_x)),
        y=float(rng.uniform(swing_y, room[1] - swing_y)),
        swing_x=swing_x,
        swing_y=swing_y,
        rate=float(rng.uniform(0.08, 0.16)),
        start=float(rng.uniform(0, 2 * np.pi)),
    )
