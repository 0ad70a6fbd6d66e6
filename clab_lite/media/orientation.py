"""Upright frames of phones: the sensor's picture and how to turn it are stored apart."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """(a, b, c, d) of a decoded PyAV frame: stored pixel (x, y) is shown at (a x + c y, b x + d y), up to a shift.

    ISO/IEC 14496-12, 8.3.2 (track header); the numbers are 16.16 fixed point. Without one: the identity.
    """
    stored = frame.side_data.get("DISPLAYMATRIX")
    if stored is None or len(bytes(stored)) < 36:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(stored)[:36])
    return a, b, c, d


def upright(pixels: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A stored frame (H, W, 3) as it is to be shown: turned by the nearest quarter turn, and mirrored where asked."""
    a, b, c, d = matrix
    if is_sideways(matrix):
        pixels, flip_x, flip_y = pixels.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    if flip_x:
        pixels = pixels[:, ::-1]
    if flip_y:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def is_sideways(matrix: tuple[int, int, int, int]) -> bool:
    """Whether width and height change places."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)
