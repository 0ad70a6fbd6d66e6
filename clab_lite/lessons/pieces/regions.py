"""Anchors, objectness and proposals of one frame, drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from clab_lite.detector.boxes import box_iou
from clab_lite.detector.rpn import propose
from clab_lite.lessons.pieces.walk import Walk
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, SKY, heading, new_figure, quiet


def show_frame(axes: Axes, walk: Walk, margin: float = 0.0) -> None:
    """The frame in pixels of the prepared frame, true boxes in green; `margin` pixels of room around it."""
    height, width = walk.frame.image_size
    axes.imshow(walk.pixels, extent=(0, width, height, 0), interpolation="nearest", alpha=0.8)
    for box in walk.true_boxes.tolist():
        outline(axes, box, GREEN, 2.4)
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -margin)
    axes.set_axis_off()


def outline(axes: Axes, box: list[float], colour: str, width: float = 1.6, **style: object) -> None:
    """The edge of a box (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = box
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width, **style))  # type: ignore[arg-type]


def anchor_at(walk: Walk, column: int, row: int) -> Tensor:
    """The K anchors (K, 4) of one cell, ratio by ratio and in it scale by scale."""
    rows, columns = walk.maps["neck"].shape[-2:]
    return walk.anchors.reshape(rows, columns, -1, 4)[row, column]


def anchors_of(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (column, row, scale, ratio): the anchors of a cell, and the IoU of one with the object."""
    config = walk.config.rpn.anchors
    best = box_iou(walk.anchors, walk.true_boxes).max(dim=0).values.tolist()
    objects = [walk.class_names[int(label)] for label in walk.truth.labels]
    limits = ", ".join(f"{value:.3f} for the {name}" for name, value in zip(objects, best, strict=True))
    positive = walk.config.rpn.sampler.positive_iou

    def draw(column: int, row: int, scale: float, ratio: float) -> tuple[Figure, str]:
        shapes = anchor_at(walk, column, row)
        number = config.ratios.index(ratio) * len(config.scales) + config.scales.index(scale)
        overlaps = box_iou(shapes, walk.true_boxes).max(dim=1).values
        figure, axes = new_figure(8.6, 3.7, 1, 2, width_ratios=[2.0, 1])
        show_frame(axes[0], walk, margin=24)
        _cells(axes[0], walk, column, row)
        for i, box in enumerate(shapes.tolist()):
            outline(axes[0], box, ORANGE if i == number else SKY, 2.6 if i == number else 1.0)
        heading(axes[0], f"the {len(shapes)} anchors of cell ({column}, {row}); green: the objects")
        colours = [ORANGE if i == number else SKY for i in range(len(shapes))]
        axes[1].barh(range(len(shapes)), overlaps.numpy(), color=colours)
        names = [f"ratio {r:g}, side {s * config.stride:g}" for r in config.ratios for s in config.scales]
        axes[1].set_yticks(range(len(shapes)), names)
        axes[1].axvline(positive, color=INK, linestyle="dashed", linewidth=1)
        axes[1].set_xlim(0, 1)
        axes[1].invert_yaxis()
        quiet(axes[1], grid=False)
        axes[1].set_xlabel(f"IoU with the object that fits best\n(dashed: {positive:g})", fontsize=9, color=GREY)
        heading(axes[1], f"this one: IoU {overlaps[number]:.2f}")
        x1, y1, x2, y2 = shapes[number].tolist()
        text = f"{x2 - x1:.0f} × {y2 - y1:.0f} pixels (width × height), IoU {overlaps[number]:.3f}; "
        return figure, text + f"the best of all {len(walk.anchors)} anchors: {limits}"

    return draw


def _cells(axes: Axes, walk: Walk, column: int, row: int) -> None:
    """The grid of cell places, every anchor centre as a dot; the chosen one large."""
    stride, (rows, columns) = walk.config.rpn.anchors.stride, walk.maps["neck"].shape[-2:]
    x, y = np.meshgrid(np.arange(columns) * stride, np.arange(rows) * stride)
    axes.plot(x.ravel(), y.ravel(), ".", color="white", markersize=4, markeredgecolor=GREY, markeredgewidth=0.4)
    axes.plot(column * stride, row * stride, "o", color=ORANGE, markersize=8, markeredgecolor="white")


def draw_objectness(walk: Walk) -> Figure:
    """The highest objectness of each cell, over the frame, and the five best anchors before and after decoding."""
    rows, columns = walk.maps["neck"].shape[-2:]
    scores = walk.objectness.sigmoid().reshape(rows, columns, -1).max(dim=-1).values.numpy()
    figure, axes = new_figure(7.8, 3.0, 1, 2)
    height, width = walk.frame.pixels.shape[-2:]
    stride = walk.config.rpn.anchors.stride
    axes[0].imshow(walk.pixels, extent=(0, width, height, 0), alpha=0.45, interpolation="nearest")
    # Anchors sit on the upper left corners of the cells, so the map is drawn half a stride up and to the left.
    place = (-stride / 2, width - stride / 2, height - stride / 2, -stride / 2)
    axes[0].imshow(scores, extent=place, cmap="magma", alpha=0.65, vmin=0, vmax=1, interpolation="nearest")
    for box in walk.true_boxes.tolist():
        outline(axes[0], box, GREEN, 2.2)
    axes[0].set_axis_off()
    axes[0].set_xlim(0, walk.frame.image_size[1])
    axes[0].set_ylim(walk.frame.image_size[0], 0)
    heading(axes[0], f"objectness: best {scores.max():.2f}, median {np.median(scores):.2f}")
    show_frame(axes[1], walk)
    order = walk.objectness.argsort(descending=True)[:5]
    for box in walk.anchors[order].tolist():
        outline(axes[1], box, SKY, 1.6, linestyle="dashed")
    moved = propose(
        walk.objectness, walk.deltas, walk.anchors, walk.frame.image_size,
        replace(walk.config.rpn.test_proposals, before_nms=5, iou_threshold=1.0),
    )[0]  # fmt: skip
    for box in moved.tolist():
        outline(axes[1], box, BLUE, 1.8)
    before, after = (float(box_iou(b, walk.true_boxes).max(dim=1).values.mean()) for b in (walk.anchors[order], moved))
    heading(axes[1], f"deltas of the five best: IoU {before:.2f} → {after:.2f}")
    return figure


def proposals_of(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (iou_threshold, before): what non-maximum suppression keeps of the best `before` boxes."""

    def draw(iou_threshold: float, before: int) -> tuple[Figure, str]:
        settings = replace(walk.config.rpn.test_proposals, before_nms=before)
        inputs = (walk.objectness, walk.deltas, walk.anchors, walk.frame.image_size)
        everything, _ = propose(*inputs, replace(settings, iou_threshold=1.0, after_nms=before))
        kept, scores = propose(*inputs, replace(settings, iou_threshold=iou_threshold))
        figure, axes = new_figure(8.4, 3.3, 1, 2)
        for panel, boxes, colour in ((axes[0], everything, SKY), (axes[1], kept, BLUE)):
            show_frame(panel, walk)
            for box in boxes.tolist():
                outline(panel, box, colour, 0.9)
        found = box_iou(kept, walk.true_boxes)
        heading(axes[0], f"before: {len(everything)} boxes")
        heading(axes[1], f"after NMS at {iou_threshold:.2f}: {len(kept)} boxes")
        best = ", ".join(f"{value:.2f}" for value in found.max(dim=0).values.tolist()) if len(kept) else "none"
        least = f"least score kept {scores[-1]:.3f}; " if len(scores) else ""
        return figure, f"{len(everything)} → {len(kept)} boxes; {least}best IoU with each object: {best}"

    return draw
