"""Overlap of two boxes: intersection and union drawn to scale, and the two ways to count pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from clab_lite.errors import DataError
from clab_lite.metrics.matching import paired_iou
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, heading, new_figure, quiet

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Overlap:
    """Areas in pixels², and intersection / union."""

    first: float
    second: float
    intersection: float
    union: float
    iou: float


def overlap(first: ArrayLike, second: ArrayLike, *, inclusive: bool = False) -> Overlap:
    """How two boxes (x1, y1, x2, y2) overlap.

    inclusive: True where x2 is the last pixel inside, so that width = x2 - x1 + 1; False where width = x2 - x1.
    """
    boxes = np.array([first, second], np.float64)
    if boxes.shape != (2, 4) or (boxes[:, 2:] < boxes[:, :2]).any():
        raise DataError(f"boxes {boxes.tolist()}: give x1, y1, x2, y2 with x1 <= x2 and y1 <= y2.")
    one = float(inclusive)
    areas = (boxes[:, 2:] - boxes[:, :2] + one).prod(axis=1)
    sides = np.minimum(*boxes[:, 2:]) - np.maximum(*boxes[:, :2]) + one
    shared = float(np.clip(sides, 0, None).prod())
    iou = float(paired_iou(boxes[:1], boxes[1:], extra=one)[0])
    return Overlap(float(areas[0]), float(areas[1]), shared, float(areas.sum()) - shared, iou)


def draw_overlap(pixels: NDArray[np.uint8], blue: Box, orange: Box) -> tuple[Figure, str]:
    """Two boxes over a frame (H, W, 3), their intersection and union as bars, and IoU as a line of numbers."""
    found = overlap(blue, orange)
    figure, axes = new_figure(9.5, 4.2, 1, 2, width_ratios=[2.3, 1])
    draw_boxes(axes[0], pixels, blue, orange)
    _bars(axes[1], found)
    heading(axes[0], "green: where the two boxes meet")
    heading(axes[1], f"IoU = {found.iou:.2f}")
    return figure, f"IoU = intersection / union = {found.intersection:.0f} / {found.union:.0f} = {found.iou:.3f}"


def draw_boxes(axes: Axes, pixels: NDArray[np.uint8], first: Box, second: Box) -> None:
    """Two boxes over a frame, their intersection filled."""
    height, width = pixels.shape[:2]
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest", alpha=0.75)
    axes.set_axis_off()
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    if right > left and bottom > top:
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor=GREEN, alpha=0.45))
    for box, colour in ((first, BLUE), (second, ORANGE)):
        size = (box[2] - box[0], box[3] - box[1])
        axes.add_patch(Rectangle(box[:2], *size, fill=False, edgecolor=colour, linewidth=2.4))
        corners = np.array([(box[i], box[j]) for i in (0, 2) for j in (1, 3)])
        axes.plot(*corners.T, "s", color=colour, markersize=6, markeredgecolor="white", clip_on=False)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def _bars(axes: Axes, found: Overlap) -> None:
    """Intersection and union to one scale: their ratio is the IoU."""
    axes.bar(["intersection", "union"], [found.intersection, found.union], color=[GREEN, GREY], width=0.62)
    for place, value in enumerate((found.intersection, found.union)):
        axes.text(place, value, f"{value:.0f}", ha="center", va="bottom", fontsize=10, color=INK)
    axes.set_ylim(0, 1.15 * found.union)
    axes.set_ylabel("pixels²", fontsize=9, color=GREY)
    quiet(axes)
    axes.tick_params(axis="x", labelsize=10, colors=INK)


def draw_pixel_counts(first: int = 2, last: int = 5) -> Figure:
    """A row of pixels with a box from column `first` to column `last`: inclusive counting against edges."""
    inclusive, edges = last - first + 1, last - first
    figure, axes = new_figure(8.4, 1.6, 1, 2)
    texts = (
        (inclusive, f"inclusive: columns {first} to {last} are {inclusive} pixels wide", first, last + 1),
        (edges, f"edges: from x = {first} to x = {last} are {edges} pixels", first, last),
    )
    for panel, (_, title, left, right) in zip(axes, texts, strict=True):
        for column in range(8):
            inside = left <= column < right
            cell = Rectangle((column, 0), 1, 1, facecolor=BLUE if inside else "white", alpha=0.5 if inside else 1)
            panel.add_patch(cell)
            panel.add_patch(Rectangle((column, 0), 1, 1, fill=False, edgecolor=PALE))
            panel.text(column + 0.5, 0.5, str(column), ha="center", va="center", fontsize=11, color=INK)
        panel.add_patch(Rectangle((left, 0), right - left, 1, fill=False, edgecolor=INK, linewidth=2.2))
        panel.set_xlim(-0.1, 8.1)
        panel.set_ylim(-0.1, 1.1)
        panel.set_aspect("equal")
        panel.set_yticks([])
        panel.set_xticks(range(9))
        panel.tick_params(colors=GREY, labelsize=9, length=3)
        panel.spines[:].set_visible(False)
        heading(panel, title)
    return figure


def counting_gap(
    sides: tuple[int, ...] = (4, 8, 16, 32, 64, 128), shift: float = 0.25
) -> list[tuple[int, float, float]]:
    """How much the counting matters: (side, IoU with edges, IoU inclusive) of a square and its copy moved sideways.

    Args:
        sides: x2 - x1 in pixels.
        shift: of the copy, as a share of the side; rounded to whole pixels.
    """
    rows = []
    for side in sides:
        step = round(side * shift)
        square, moved = (0, 0, side, side), (step, 0, side + step, side)
        rows.append((side, overlap(square, moved).iou, overlap(square, moved, inclusive=True).iou))
    return rows
