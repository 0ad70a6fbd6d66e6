"""Detections drawn on a frame, the ground truth beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from clab_lite.metrics.matching import box_iou, greedy_match
from clab_lite.show.style import BLUE, GREEN, GREY, INK, VERMILLION, new_figure

_TAG_POINTS = 8.5
_GROWN = 1.2
"""By which axes without scales grow when the layout is made, which is after the tags were placed."""
_Place = tuple[float, float, str, str]
"""A point of the frame, and which side ("left", "right") and edge ("top", "bottom") of the tag touches it."""


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
    # The best last, so that its tag lies on top.
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
    x, y, side, edge = min(_tag_places(axes, box), key=lambda place: _covered(axes, text, place))
    axes.annotate(
        text,
        (x, y),
        xytext=(0, 2 if edge == "bottom" else -2),
        textcoords="offset points",
        ha=side,
        va=edge,
        fontsize=_TAG_POINTS,
        color="white",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.6},
        clip_on=False,
    )


def _tag_places(axes: Axes, box: NDArray[Any]) -> list[_Place]:
    """Where the tag of a box may stand, the usual place first: above the box, inside it at the upper edge of the frame.

    It never leaves the frame on the right.
    """
    bottom, across = axes.get_ylim()[0], axes.get_xlim()[1]
    x1, x2 = (min(max(float(value), 0), across) for value in (box[0], box[2]))
    y1, y2 = (min(max(float(value), 0), bottom) for value in (box[1], box[3]))
    room = 0.08 * bottom
    left: _Place = (x1, y1, "left", "bottom")
    right: _Place = (x2, y1, "right", "bottom")
    ends = [right, left] if x1 > 0.7 * across else [left, right] if x2 > 0.3 * across else [left]
    above = [(x, y, side, "bottom") for x, y, side, _ in ends if y1 > room]
    inside = [(x, y, side, "top") for x, y, side, _ in ends]
    below = [(x, y2, side, "top") for x, _, side, _ in ends if y2 < bottom - room]
    lower = [(x, y2, side, "bottom") for x, _, side, _ in ends]
    return [*above, *inside, *below, *lower]


def _covered(axes: Axes, text: str, place: _Place) -> float:
    """Share of a tag at this place that tags which are drawn already would take; a touch is nothing."""
    own, total = _tag_area(axes, text, place), 0.0
    for tag in axes.texts:
        if isinstance(tag, Annotation):
            other = _tag_area(axes, tag.get_text(), _place_of(tag))
            wide = min(own[2], other[2]) - max(own[0], other[0])
            high = min(own[3], other[3]) - max(own[1], other[1])
            total += max(wide, 0.0) * max(high, 0.0)
    share = total / max((own[2] - own[0]) * (own[3] - own[1]), 1e-9)
    return share if share > 0.15 else 0.0


def _place_of(tag: Annotation) -> _Place:
    return (*tag.xy, tag.get_horizontalalignment(), tag.get_verticalalignment())


def _tag_area(axes: Axes, text: str, place: _Place) -> tuple[float, float, float, float]:
    """About the corners (x1, y1, x2, y2) of a tag in pixels of the frame."""
    x, y, side, edge = place
    shown = max(_GROWN * axes.bbox.width, 1.0) / axes.figure.dpi * 72
    point = axes.get_xlim()[1] / shown
    width, height = (0.6 * _TAG_POINTS * len(text) + 3.2) * point, (1.2 * _TAG_POINTS + 3.2) * point
    left, top = (x if side == "left" else x - width), (y - height if edge == "bottom" else y)
    return left, top, left + width, top + height
