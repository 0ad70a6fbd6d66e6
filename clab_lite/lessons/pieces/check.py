"""The three exercises of lesson 02, and the mistakes that their checkers know by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from clab_lite.config import AnchorConfig
from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import decode_boxes
from clab_lite.detector.rpn import make_anchors
from clab_lite.lessons.exercises import Verdict
from clab_lite.lessons.grading import Mistake, grade
from clab_lite.lessons.pieces.pooling import bilinear

_FRAMES: list[tuple[Any, ...]] = [(128, 192, 3, 3), (600, 1000, 4, 3), (100, 180, 3, 1), (320, 480, 4, 3)]
_CODES: list[tuple[Any, ...]] = [
    ((40.0, 30.0, 80.0, 90.0), (1.0, 0.0, 0.0, 0.0)),
    ((40.0, 30.0, 80.0, 90.0), (0.0, -0.5, 0.0, 0.0)),
    ((60.0, 50.0, 100.0, 70.0), (0.0, 0.0, 2.0, -1.0)),
    ((60.0, 50.0, 100.0, 70.0), (0.5, 1.0, -1.0, 1.5)),
]
_MAP = np.array([[0.0, 1.0, 4.0, 2.0], [3.0, 7.0, 5.0, 1.0], [2.0, 8.0, 6.0, 0.0]])
_PLACES: list[tuple[Any, ...]] = [
    (_MAP, 1.0, 0.0),
    (_MAP, 0.25, 1.0),
    (_MAP, 1.5, 0.75),
    (_MAP, 2.2, 1.9),
    (_MAP, 0.1, 0.4),
]
_FAR = 10_000
"""Side of a frame so large that nothing is clipped, with the boxes in its middle."""


def number_of_anchors(answer: Callable[..., Any]) -> Verdict:
    """Exercise 1: how many anchors a frame of (height, width) pixels has, with so many scales and ratios."""
    mistakes = [
        Mistake(
            lambda h, w, *_: math.ceil(h / 16) * math.ceil(w / 16),
            "That is the number of cells. Each has scales × ratios anchors.",
        ),
        Mistake(
            lambda h, w, s, r: math.ceil(h / 16) * math.ceil(w / 16) * (s + r),
            "Scales and ratios are combined: every scale comes in every ratio, so multiply them.",
        ),
        Mistake(
            lambda h, w, s, r: (h // 16) * (w // 16) * s * r,
            "You round the cells down. Frames are padded up to a multiple of 16 first, so no pixel is lost: round up.",
        ),
        Mistake(
            lambda h, w, s, r: h / 16 * w / 16 * s * r,
            "Parts of a cell do not exist. Frames are padded up to a multiple of 16 first: round both sides up.",
        ),
        Mistake(lambda h, w, s, r: h * w * s * r, "Anchors sit on cells of 16 × 16 pixels, not on pixels."),
    ]
    return grade(answer, _anchors, _FRAMES, mistakes, "Right for all four frames, those that need padding too.")


def decode(answer: Callable[..., Any]) -> Verdict:
    """Exercise 2: the box (x1, y1, x2, y2) that the head's deltas (dx, dy, dw, dh) make of a proposal."""
    mistakes = [
        Mistake(
            lambda box, deltas: _decoded(box, deltas, std=1.0),
            "The head's deltas are in units of 0.2: multiply them by 0.2 first.",
        ),
        Mistake(
            _moved_corner,
            "The shift moves the centre. You moved the upper left corner and grew the box from there.",
        ),
        Mistake(
            lambda box, deltas: _linear(box, deltas),
            "Sizes are coded as logarithms: the new width is width × exp(0.2 dw), not width × (1 + 0.2 dw).",
        ),
        Mistake(
            lambda box, deltas: _decoded(box, (deltas[1], deltas[0], deltas[3], deltas[2])),
            "x and y are swapped: the deltas are (dx, dy, dw, dh).",
        ),
        Mistake(_pixels, "dx is a share of the width and dy of the height, not pixels."),
    ]
    return grade(answer, _decoded, _CODES, mistakes, "Your boxes are those of the detector.", tolerance=0.02)


def sample(answer: Callable[..., Any]) -> Verdict:
    """Exercise 3: the value of a small map (rows, columns) at (x, y), between the centres of its cells."""
    mistakes = [
        Mistake(
            lambda map_, x, y: bilinear(_wide(map_), y, x),
            "x counts columns and y counts rows: the cell is map[row, column] = map[y, x].",
        ),
        Mistake(
            lambda map_, x, y: float(map_[round(y), round(x)]),
            "That is the nearest cell. Bilinear sampling weighs all four neighbours.",
        ),
        Mistake(
            lambda map_, x, y: float(map_[int(y), int(x)]), "You rounded down to one cell. Weigh all four neighbours."
        ),
        Mistake(
            _reversed,
            "Your weights are the wrong way round: a neighbour counts the more the nearer it is, so 1 - distance.",
        ),
        Mistake(
            lambda map_, x, y: float(map_[int(y) : int(y) + 2, int(x) : int(x) + 2].mean()),
            "That is the plain mean of four cells. Weigh each by how near it is.",
        ),
    ]
    return grade(answer, bilinear, _PLACES, mistakes, "Your samples are those of RoIAlign.")


def _anchors(height: int, width: int, scales: int, ratios: int) -> int:
    config = AnchorConfig(
        scales=tuple(float(k + 1) for k in range(scales)), ratios=tuple(float(k + 1) for k in range(ratios))
    )
    cells = (-(-height // 16), -(-width // 16))
    return len(make_anchors(*cells, config, torch.device("cpu")))


def _decoded(box: Sequence[float], deltas: Sequence[float], std: float = BOX_DELTA_STD) -> np.ndarray:
    away = torch.tensor([box], dtype=torch.float64) + _FAR / 2
    moved = decode_boxes(away, torch.tensor([deltas], dtype=torch.float64), std, (_FAR, _FAR))[0] - _FAR / 2
    return moved.numpy()


def _moved_corner(box: Sequence[float], deltas: Sequence[float]) -> list[float]:
    x1, y1, x2, y2 = box
    dx, dy, dw, dh = (BOX_DELTA_STD * value for value in deltas)
    left, top = x1 + dx * (x2 - x1), y1 + dy * (y2 - y1)
    return [left, top, left + (x2 - x1) * math.exp(dw), top + (y2 - y1) * math.exp(dh)]


def _linear(box: Sequence[float], deltas: Sequence[float]) -> np.ndarray:
    logs = [math.log(max(1 + BOX_DELTA_STD * value, 1e-6)) / BOX_DELTA_STD for value in deltas[2:]]
    return _decoded(box, (*deltas[:2], *logs))


def _pixels(box: Sequence[float], deltas: Sequence[float]) -> np.ndarray:
    width, height = box[2] - box[0], box[3] - box[1]
    return _decoded(box, (deltas[0] / width, deltas[1] / height, *deltas[2:]))


def _wide(map_: np.ndarray) -> np.ndarray:
    """Repeat the last row, so that a swapped column number finds a row."""
    return np.pad(map_, ((0, max(map_.shape[1] - map_.shape[0], 0)), (0, 0)), mode="edge")


def _reversed(map_: np.ndarray, x: float, y: float) -> float:
    row, column = min(int(y), map_.shape[0] - 2), min(int(x), map_.shape[1] - 2)
    right, down = x - column, y - row
    weights = np.outer([down, 1 - down], [right, 1 - right])
    return float((map_[row : row + 2, column : column + 2] * weights).sum())
