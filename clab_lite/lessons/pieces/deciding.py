"""The box head's answer: classes of a proposal, its box moved by deltas, and what post-processing keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from matplotlib.figure import Figure
from torch import Tensor

from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import box_iou, decode_boxes
from clab_lite.detector.postprocess import select_detections
from clab_lite.lessons.pieces.regions import outline, show_frame
from clab_lite.lessons.pieces.walk import Walk
from clab_lite.show.frames import draw_detections, judge
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, heading, new_figure, quiet


def best_proposal(walk: Walk) -> int:
    """The proposal that the head is surest about."""
    return int(walk.logits.softmax(dim=1)[:, :-1].max(dim=1).values.argmax())


def deltas_of(walk: Walk, proposal: int) -> list[float]:
    """(dx, dy, dw, dh) that the head predicts for a proposal and its likeliest class, before `BOX_DELTA_STD`."""
    codes = walk.box_deltas[proposal].unflatten(0, (-1, 4))
    label = int(walk.logits[proposal, :-1].argmax())
    return [float(value) for value in codes[label if len(codes) > 1 else 0]]


def decoded(walk: Walk, proposal: int, deltas: list[float]) -> Tensor:
    """(4,) the proposal moved by deltas, by the detector's own function."""
    codes = torch.tensor([deltas])
    return decode_boxes(walk.proposals[proposal : proposal + 1], codes, BOX_DELTA_STD, walk.frame.image_size)[0]


def decoding_of(walk: Walk, proposal: int) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (dx, dy, dw, dh): a proposal, where the deltas carry it, and the IoU before and after."""
    region = walk.proposals[proposal]
    predicted = decoded(walk, proposal, deltas_of(walk, proposal))

    def draw(dx: float, dy: float, dw: float, dh: float) -> tuple[Figure, str]:
        moved = decoded(walk, proposal, [dx, dy, dw, dh])
        before, after = (float(box_iou(box[None], walk.true_boxes).max()) for box in (region, moved))
        figure, (axes,) = new_figure(6.2, 4.1)
        show_frame(axes, walk)
        outline(axes, region.tolist(), BLUE, 1.8, linestyle="dashed")
        outline(axes, predicted.tolist(), ORANGE, 1.0, linestyle="dotted")
        outline(axes, moved.tolist(), ORANGE, 2.6)
        heading(axes, f"IoU with the object: {before:.2f} before (blue), {after:.2f} after (amber)")
        x1, y1, x2, y2 = moved.tolist()
        return figure, f"box ({x1:.1f}, {y1:.1f}, {x2:.1f}, {y2:.1f}); dotted: what the head itself decided"

    return draw


def draw_classes(walk: Walk, proposal: int, shown: int = 6) -> Figure:
    """The likeliest classes of a proposal, background among them."""
    chances = walk.logits[proposal].softmax(dim=0)
    names = [*walk.class_names, "background"]
    order = chances.argsort(descending=True)[:shown].tolist()
    figure, axes = new_figure(8.4, 2.8, 1, 2, width_ratios=[1.2, 1])
    show_frame(axes[0], walk)
    outline(axes[0], walk.proposals[proposal].tolist(), BLUE, 2.4)
    heading(axes[0], f"proposal {proposal}")
    axes[1].barh(
        [names[k] for k in order], chances[order].numpy(), color=[GREY if k == len(names) - 1 else BLUE for k in order]
    )
    for row, k in enumerate(order):
        axes[1].text(float(chances[k]) + 0.01, row, f"{chances[k]:.3f}", va="center", fontsize=9, color=INK)
    axes[1].invert_yaxis()
    axes[1].set_xlim(0, 1.12)
    quiet(axes[1], grid=False)
    axes[1].tick_params(axis="y", labelsize=10, colors=INK)
    heading(axes[1], f"the head says: {names[order[0]]}, {chances[order[0]]:.0%}")
    return figure


def detections_of(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (score_threshold, iou_threshold): what post-processing keeps and what is right."""

    def draw(score_threshold: float, iou_threshold: float) -> tuple[Figure, str]:
        settings = replace(walk.config.detection, score_threshold=score_threshold, iou_threshold=iou_threshold)
        found = select_detections(
            walk.proposals, walk.logits, walk.box_deltas, walk.frame.image_size, walk.frame.scale, settings
        )
        figure = draw_detections(
            walk.image, found, walk.truth, walk.class_names, least_score=score_threshold, width=6.8
        )
        right, missed = judge({name: values.numpy() for name, values in found.items()}, walk.truth)
        count, wrong = len(right), int((~right).sum())
        return figure, f"{count} detections: {count - wrong} right, {wrong} wrong; {int(missed.sum())} objects missed"

    return draw
