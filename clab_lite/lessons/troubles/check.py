"""The three exercises of lesson 01, and the mistakes that their checkers know by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clab_lite.lessons.exercises import Verdict
from clab_lite.lessons.grading import Mistake, grade
from clab_lite.lessons.troubles.overlap import overlap
from clab_lite.metrics.motion import motion_iou

_Box = Sequence[float]
_PAIRS: list[tuple[Any, ...]] = [
    ((0, 0, 10, 10), (5, 0, 15, 10)),
    ((0, 0, 10, 10), (2, 3, 8, 7)),
    ((0, 0, 10, 10), (20, 30, 40, 50)),
    ((0, 0, 10, 10), (20, 2, 30, 8)),
    ((4, 6, 20, 16), (4, 6, 20, 16)),
]
_WALK = np.array([[10 + step * step, 20, 49 + step * step, 49] for step in range(8)], np.float64)
"""An object that is getting faster, so that before and after differ."""
_MOMENTS: list[tuple[Any, ...]] = [(_WALK, 0, 10), (_WALK, 3, 10), (_WALK, 3, 2), (_WALK, 7, 1)]
_SPEEDS: list[tuple[Any, ...]] = [(0.97,), (0.92,), (0.85,), (0.72,), (0.6,), (0.2,), (0.0,), (1.0,)]


def iou(answer: Callable[..., Any]) -> Verdict:
    """Exercise 1: IoU of two boxes (x1, y1, x2, y2) with width = x2 - x1."""
    mistakes = [
        Mistake(
            _unclipped,
            "Boxes that do not meet get an overlap: two negative sides give a positive product, one of them a "
            "negative area. Cut each side of the intersection off at 0: max(0, ...).",
        ),
        Mistake(
            lambda a, b: _parts(a, b).intersection / (_parts(a, b).first + _parts(a, b).second),
            "You divide by the sum of both areas: the part where the boxes meet is counted twice in it. Take the "
            "intersection off once.",
        ),
        Mistake(
            lambda a, b: overlap(a, b, inclusive=True).iou,
            "You count pixels inclusively (+ 1). Here the coordinates are edges: width = x2 - x1.",
        ),
        Mistake(
            lambda a, b: _parts(a, b).intersection / min(_parts(a, b).first, _parts(a, b).second),
            "You divide by the smaller box, so a small box inside a large one scores 1. Divide by the union.",
        ),
        Mistake(lambda a, b: _parts(a, b).intersection, "That is the intersection alone. Divide it by the union."),
    ]
    return grade(
        answer, lambda a, b: overlap(a, b).iou, _PAIRS, mistakes, "Your IoU agrees on all five pairs of boxes."
    )


def mean_motion_iou(answer: Callable[..., Any]) -> Verdict:
    """Exercise 2: motion IoU of the box in frame `frame` of a track (T, 4), given the IoU of two boxes."""
    mistakes = [
        Mistake(
            lambda boxes, frame, window: _mean(boxes, frame, window, itself=True),
            "You counted the frame itself: its IoU with itself is 1, which makes every object slower than it is.",
        ),
        Mistake(
            lambda boxes, frame, window: sum(_values(boxes, frame, window)) / (2 * window),
            "You divide by all places of the window. Near the ends some of them are outside the video: divide by the "
            "number of neighbours that exist.",
        ),
        Mistake(
            lambda boxes, frame, window: _mean(boxes, frame, window, after=False),
            "You look only at the frames before. The window goes both ways.",
        ),
        Mistake(
            lambda boxes, frame, window: _mean(boxes, frame, window, before=False),
            "You look only at the frames after. The window goes both ways.",
        ),
        Mistake(
            lambda boxes, frame, window: _mean(boxes, frame, window - 1),
            "Your window ends one frame too early. range(a, b) stops before b: add 1.",
        ),
        Mistake(
            lambda boxes, frame, _: _mean(boxes, frame, len(boxes)),
            "You use every frame of the video. Take only those at most `window` frames away.",
        ),
    ]
    praise = "Your motion IoU agrees in the middle of the track and at its ends."
    return grade(answer, _motion, _MOMENTS, mistakes, praise)


def speed(answer: Callable[..., Any]) -> Verdict:
    """Exercise 3: "slow", "medium" or "fast" for a motion IoU."""
    mistakes = [
        Mistake(
            lambda value: {"slow": "fast", "medium": "medium", "fast": "slow"}[_speed(value)],
            "Slow and fast are swapped: a box that stays in place overlaps its neighbours much.",
        ),
        Mistake(
            lambda value: "slow" if value > 0.7 else "medium" if value > 0.3 else "fast",
            "Your limits are not those of the benchmark: slow is above 0.9, fast is below 0.7.",
        ),
        Mistake(
            lambda value: _speed(value / 100),
            "Everything is fast for you: do you compare with 90 and 70? Motion IoU runs from 0 to 1.",
        ),
    ]
    return grade(answer, _speed, _SPEEDS, mistakes, "All eight speeds are right.")


def _parts(a: _Box, b: _Box) -> Any:
    return overlap(a, b)


def _unclipped(a: _Box, b: _Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    found = overlap(a, b)
    return width * height / (found.first + found.second - width * height)


def _motion(boxes: np.ndarray, frame: int, window: int) -> float:
    frames = np.arange(len(boxes))
    return float(motion_iou(frames, np.zeros(len(boxes), np.int64), boxes, window)[frame])


def _values(boxes: np.ndarray, frame: int, window: int, *, itself: bool = False, before: bool = True,
            after: bool = True) -> list[float]:  # fmt: skip
    chosen = [
        other
        for other in range(len(boxes))
        if abs(other - frame) <= window
        and ((other < frame and before) or (other > frame and after) or (other == frame and itself))
    ]
    return [overlap(boxes[frame], boxes[other], inclusive=True).iou for other in chosen]


def _mean(boxes: np.ndarray, frame: int, window: int, **which: bool) -> float:
    values = _values(boxes, frame, window, **which)
    return sum(values) / len(values) if values else 1.0


def _speed(value: float) -> str:
    return "slow" if value >= 0.9 else "medium" if value >= 0.7 else "fast"
