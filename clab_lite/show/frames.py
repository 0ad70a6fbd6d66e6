"""Detections drawn on a frame, the ground truth beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from clab_lite.metrics.matching import box_iou, greedy_match
from clab_lite.show.style import BLUE, GREEN, GREY, INK, VERMILLION, new_figure
from clab_lite.show.tags import add_tag


def draw_detections(
    image: ArrayLike,
    result: Mapping[str, Any],
    ground_truth: Any,
    class_names: Sequence[str],
    *,
    least_score: float = 0.3,
    title: str = "",
    width: float = 9.5,
) -> Figure:
    """One frame twice: ground truth on the left, detections on the right.

    Args:
        image: (3, H, W) uint8 RGB, a tensor or an array.
        result: {"boxes" (D, 4), "scores" (D,), "labels" (D,)}, boxes in pixels of `image`.
        ground_truth: has `boxes` (G, 4) and `labels` (G,), as `FrameAnnotation`; None draws the detections alone.
        class_names: names in label order.
        least_score: detections below are not drawn.
        title: a line above the frame.
        width: of the figure, in inches; small frames are enlarged to fill it.

    Right detections (same class, IoU of at least 0.5) are solid, wrong ones and missed objects dashed: the colours
    are not needed to read the picture.
    """
    pixels = np.asarray(image).transpose(1, 2, 0)
    height, across = pixels.shape[:2]
    panels = 1 if ground_truth is None else 2
    figure, axes = new_figure(width, width / panels * height / across + (0.62 if title else 0.3), 1, panels)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK)
    found = {name: np.asarray(result[name]) for name in ("boxes", "scores", "labels")}
    keep = found["scores"] >= least_score
    found = {name: values[keep] for name, values in found.items()}
    verdict, missed = judge(found, ground_truth)
    for panel in axes:
        draw_pixels(panel, pixels)
    if ground_truth is not None:
        axes[0].set_title("ground truth", loc="left", fontsize=9, color=GREY, pad=3)
        for box, label, miss in zip(ground_truth.boxes, ground_truth.labels, missed, strict=True):
            name = class_names[int(label)] + (" (missed)" if miss else "")
            draw_box(axes[0], box, name, GREEN, dashed=bool(miss))
    axes[-1].set_title(f"detections, score {least_score:g} or more", loc="left", fontsize=9, color=GREY, pad=3)
    # The best last: it lies on top, and its tag chooses its place first.
    for i in reversed(range(len(verdict))):
        name = f"{class_names[int(found['labels'][i])]} {found['scores'][i]:.2f}"
        draw_box(axes[-1], found["boxes"][i], name, BLUE if verdict[i] else VERMILLION, dashed=not verdict[i])
    return figure


def judge(found: Mapping[str, NDArray[Any]], ground_truth: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(D,) which detections are right, and (G,) which ground truths no detection found, at IoU 0.5 (COCO matching).

    Detections come best first. Without ground truth every detection counts as right.
    """
    if ground_truth is None:
        return np.ones(len(found["scores"]), bool), np.zeros(0, bool)
    boxes, labels = np.asarray(ground_truth.boxes, np.float64), np.asarray(ground_truth.labels)
    right, missed = np.zeros(len(found["scores"]), bool), np.ones(len(labels), bool)
    for label in np.intersect1d(found["labels"], labels):
        rows, columns = np.flatnonzero(found["labels"] == label), np.flatnonzero(labels == label)
        nobody = np.zeros(len(columns), bool)
        match = greedy_match(box_iou(found["boxes"][rows].astype(np.float64), boxes[columns]), 0.5, nobody, nobody)
        right[rows] = match >= 0
        missed[columns[match[match >= 0]]] = False
    return right, missed


def draw_pixels(axes: Axes, pixels: NDArray[np.uint8]) -> None:
    """A frame (H, W, 3), enlarged smoothly; data coordinates are its pixels."""
    height, across = pixels.shape[:2]
    axes.imshow(pixels, interpolation="bicubic", extent=(0, across, height, 0))
    axes.set_axis_off()
    axes.set_xlim(0, across)
    axes.set_ylim(height, 0)


def draw_box(axes: Axes, box: NDArray[Any], text: str, colour: str, *, dashed: bool) -> None:
    """A box (4,) xyxy in pixels and its tag, on axes from `draw_pixels`. The tag covers no earlier one if it can."""
    x1, y1, x2, y2 = (float(value) for value in box)
    outline = [patheffects.Stroke(linewidth=3.6, foreground="white", alpha=0.75), patheffects.Normal()]
    axes.add_patch(
        Rectangle(
            (x1, y1),
            x2 - x1,
            y2 - y1,
            fill=False,
            edgecolor=colour,
            linewidth=2.0,
            linestyle=(0, (4, 2)) if dashed else "solid",
            path_effects=None if dashed else outline,
        )
    )
    add_tag(axes, (x1, y1, x2, y2), text, colour)
