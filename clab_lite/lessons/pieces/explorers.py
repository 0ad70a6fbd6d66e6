"""The lesson's explorers: the drawing functions of this folder with their controls, and the mouse where it helps."""

from __future__ import annotations

from clab_lite.lessons.controls import choice, slider, stops
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.mouse import pointer
from clab_lite.lessons.pieces import deciding, features, pooling, preparing, regions
from clab_lite.lessons.pieces.walk import STAGES, Walk
from clab_lite.presets import laptop, paper


def sizes(walk: Walk) -> Explorer:
    """Frames of any size through resizing and padding."""
    limits = [
        (walk.config.frame, "this detector"),
        (laptop().detector.frame, "laptop"),
        (paper().detector.frame, "paper"),
    ]
    options = [
        (f"{name}: {size.long_side} × {size.short_side}", (size.long_side, size.short_side)) for size, name in limits
    ]
    return explore(
        preparing.frames_of_any_size(walk),
        width=slider("stored width", 64, 1280, 500, 4),
        height=slider("stored height", 64, 720, 300, 4),
        limit=choice("fit into", options),
    )


def channels(walk: Walk) -> Explorer:
    """One channel of one stage."""
    most = max(map_.shape[1] for map_ in walk.maps.values())
    return explore(
        features.channel_of(walk),
        stage=choice("stage", list(STAGES), "C4"),
        channel=slider("channel", 0, most - 1, features.plain_channel(walk), 1),
    )


def anchors(walk: Walk) -> Explorer:
    """The anchors of a cell; a click in the frame chooses the cell."""
    config, (rows, columns) = walk.config.rpn.anchors, walk.maps["neck"].shape[-2:]
    sides = [(f"{scale * config.stride:g} pixels", scale) for scale in config.scales]
    explorer = explore(
        regions.anchors_of(walk),
        column=slider("column", 0, columns - 1, columns // 2, 1),
        row=slider("row", 0, rows - 1, rows // 2, 1),
        scale=stops("side", sides, config.scales[len(config.scales) // 2]),
        ratio=stops("height / width", [(f"{ratio:g}", ratio) for ratio in config.ratios], 1.0),
    )

    def to_cell(axes_number: int, x: float, y: float) -> None:
        if axes_number == 0:
            explorer.controls["column"].value = min(max(round(x / config.stride), 0), columns - 1)
            explorer.controls["row"].value = min(max(round(y / config.stride), 0), rows - 1)

    pointer(explorer.picture, lambda: explorer.figure, to_cell, say=explorer.tell)
    return explorer


def suppression(walk: Walk) -> Explorer:
    """Non-maximum suppression of the proposals."""
    settings = walk.config.rpn.test_proposals
    return explore(
        regions.proposals_of(walk),
        iou_threshold=slider("NMS threshold", 0.05, 1.0, settings.iou_threshold, 0.05),
        before=stops("best boxes taken", [10, 30, 100, settings.before_nms], 30),
    )


def roi_align(walk: Walk) -> Explorer:
    """RoIAlign of a proposal; a click on the region (right) chooses its cell."""
    last = walk.config.roi.output_size - 1
    explorer = explore(
        pooling.pooling_of(walk),
        proposal=slider("proposal", 0, len(walk.proposals) - 1, deciding.best_proposal(walk), 1),
        row=slider("row", 0, last, last // 2, 1),
        column=slider("column", 0, last, last // 2, 1),
    )

    def to_cell(axes_number: int, x: float, y: float) -> None:
        if axes_number == 2:
            explorer.controls["column"].value = min(max(round(x), 0), last)
            explorer.controls["row"].value = min(max(round(y), 0), last)

    pointer(explorer.picture, lambda: explorer.figure, to_cell, say=explorer.tell)
    return explorer


def decoding(walk: Walk) -> Explorer:
    """The deltas of the surest proposal, to move by hand; they start where the head put them."""
    proposal = deciding.best_proposal(walk)
    names = {"dx": "dx (right)", "dy": "dy (down)", "dw": "dw (wider)", "dh": "dh (higher)"}
    start = dict(zip(names, deciding.deltas_of(walk, proposal), strict=True))
    sliders = {
        name: slider(label, -5.0, 5.0, min(max(round(start[name], 1), -5.0), 5.0), 0.1) for name, label in names.items()
    }
    return explore(deciding.decoding_of(walk, proposal), **sliders)


def detections(walk: Walk) -> Explorer:
    """Post-processing with its two thresholds."""
    return explore(
        deciding.detections_of(walk),
        score_threshold=slider("least score", 0.05, 0.95, 0.3, 0.05),
        iou_threshold=slider("NMS threshold", 0.05, 1.0, walk.config.detection.iou_threshold, 0.05),
    )
