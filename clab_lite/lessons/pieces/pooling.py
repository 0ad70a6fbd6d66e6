"""RoIAlign of one proposal: its cells on the feature map, the sampling points of one cell, and the value by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from clab_lite.lessons.pieces.features import HEAT, strength
from clab_lite.lessons.pieces.regions import outline, show_frame
from clab_lite.lessons.pieces.walk import Walk
from clab_lite.show.style import BLUE, INK, ORANGE, PALE, heading, new_figure


def bilinear(map_: NDArray[np.floating], x: float, y: float) -> float:
    """The value of a map (H, W) at (x, y) in cells, the centre of cell (0, 0) at (0, 0): four neighbours, weighted.

    At the border it is held at the outermost centres, as RoIAlign does.
    """
    height, width = map_.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    column, row = min(int(x), width - 2), min(int(y), height - 2)
    right, down = x - column, y - row
    upper = (1 - right) * map_[row, column] + right * map_[row, column + 1]
    lower = (1 - right) * map_[row + 1, column] + right * map_[row + 1, column + 1]
    return float((1 - down) * upper + down * lower)


def sampling_points(walk: Walk, proposal: int, row: int, column: int) -> NDArray[np.float64]:
    """The points (S*S, 2) as (x, y), in cells of the feature map, that one cell of a region averages over."""
    roi, stride = walk.config.roi, walk.config.rpn.anchors.stride
    box = walk.proposals[proposal].double().numpy() / stride - 0.5  # half a cell: centres are at whole numbers
    size = (box[2:] - box[:2]) / roi.output_size
    steps = (np.arange(roi.sampling_ratio) + 0.5) / roi.sampling_ratio
    x = box[0] + (column + steps) * size[0]
    y = box[1] + (row + steps) * size[1]
    return np.array([(a, b) for b in y for a in x])


def value_by_hand(walk: Walk, proposal: int, row: int, column: int, channel: int) -> float:
    """One number of RoIAlign's output: the mean of the bilinear samples of a cell, in one channel."""
    map_ = walk.maps["neck"][0, channel].double().numpy()
    return float(np.mean([bilinear(map_, x, y) for x, y in sampling_points(walk, proposal, row, column)]))


def pooling_of(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (proposal, row, column): a region's cells and the sampling points of one of them."""
    heat = strength(walk.maps["neck"])

    def draw(proposal: int, row: int, column: int) -> tuple[Figure, str]:
        points = sampling_points(walk, proposal, row, column)
        figure, axes = new_figure(9.5, 3.4, 1, 3, width_ratios=[1.25, 1.25, 0.8])
        show_frame(axes[0], walk)
        outline(axes[0], walk.proposals[proposal].tolist(), BLUE, 2.4)
        heading(axes[0], f"proposal {proposal}, objectness {walk.proposal_scores[proposal]:.2f}")
        _map(axes[1], walk, heat, proposal, (row, column), points)
        heading(axes[1], f"cell ({row}, {column}) reads {len(points)} points")
        pooled = walk.pooled[proposal]
        axes[2].imshow(pooled.clamp(min=0).mean(dim=0).numpy(), cmap=HEAT, interpolation="nearest")
        axes[2].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2.6))
        axes[2].set_xticks([])
        axes[2].set_yticks([])
        heading(axes[2], f"the region: {' × '.join(map(str, pooled.shape))}")
        channel = int(pooled[:, row, column].argmax())
        by_hand, real = value_by_hand(walk, proposal, row, column, channel), float(pooled[channel, row, column])
        where = ", ".join(f"({x:.2f}, {y:.2f})" for x, y in points)
        return figure, f"points at {where}; channel {channel}: {by_hand:.4f} by hand, {real:.4f} by the detector"

    return draw


def _map(
    axes: Axes, walk: Walk, heat: NDArray[np.float32], proposal: int, cell: tuple[int, int], points: NDArray[np.float64]
) -> None:
    """The feature map in cells; the region with its grid; the points of the chosen cell."""
    rows, columns = heat.shape
    axes.imshow(heat, cmap=HEAT, interpolation="nearest")
    size, stride = walk.config.roi.output_size, walk.config.rpn.anchors.stride
    x1, y1, x2, y2 = (walk.proposals[proposal] / stride - 0.5).tolist()
    for k in range(size + 1):
        x, y = x1 + k * (x2 - x1) / size, y1 + k * (y2 - y1) / size
        axes.plot([x, x], [y1, y2], color=PALE, linewidth=0.9)
        axes.plot([x1, x2], [y, y], color=PALE, linewidth=0.9)
    outline(axes, [x1, y1, x2, y2], BLUE, 2.4)
    axes.plot(points[:, 0], points[:, 1], "o", color=ORANGE, markersize=5, markeredgecolor=INK, markeredgewidth=0.5)
    width, height = (x2 - x1) / size, (y2 - y1) / size
    left, top = x1 + cell[1] * width, y1 + cell[0] * height
    outline(axes, [left, top, left + width, top + height], ORANGE, 1.6)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks(range(0, columns, 2))
    axes.set_yticks(range(0, rows, 2))
    axes.tick_params(labelsize=9, length=2)
