"""Feature maps as pictures: what each stage of the backbone answers to, and how far one cell of C5 sees."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor, nn

from clab_lite.lessons.pieces.walk import STAGES, Walk
from clab_lite.show.style import BLUE, GREEN, INK, VERMILLION, heading, new_figure

HEAT = "magma"
_LONG = {"layer1": "layer1 = C2", "layer2": "layer2 = C3", "C4": "layer3 = C4", "C5": "layer4 = C5"}


def strength(map_: Tensor) -> NDArray[np.float32]:
    """(1, C, H, W) -> (H, W): mean of what is above zero over the channels, scaled to 0..1."""
    values = map_[0].clamp(min=0).mean(dim=0).numpy()
    return (values - values.min()) / max(float(values.max() - values.min()), 1e-9)


def show(axes: Axes, values: NDArray[np.float32], walk: Walk, heat: str = HEAT) -> None:
    """A map stretched over its frame, with the true boxes; axes in pixels of the prepared frame."""
    height, width = walk.frame.pixels.shape[-2:]
    axes.imshow(values, extent=(0, width, height, 0), cmap=heat, interpolation="nearest")
    for x1, y1, x2, y2 in walk.true_boxes.tolist():
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=GREEN, linewidth=1.6))
    axes.set_xticks([])
    axes.set_yticks([])


def draw_stages(walk: Walk) -> Figure:
    """The mean answer of each stage, from fine to coarse. Green: the objects."""
    figure, axes = new_figure(9.5, 4.8, 2, 3)
    width = walk.frame.pixels.shape[-1]
    for panel, name in zip(axes, STAGES, strict=True):
        map_ = walk.maps[name]
        show(panel, strength(map_), walk)
        channels, rows, columns = map_.shape[1:]
        title = f"{_LONG.get(name, name)}: {channels} channels of {rows} × {columns}, stride {width // columns}"
        panel.set_title(title, loc="left", fontsize=9, color=INK, pad=3)
    first, last = walk.maps["stem"], walk.maps["neck"]
    share = last[0, 0].numel() / first[0, 0].numel()
    figure.suptitle(f"From stem to neck the map keeps {share:.1%} of its places; each place knows more",
                    x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)  # fmt: skip
    return figure


def channel_of(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (stage, channel): one channel over the frame."""

    def draw(stage: str = "C4", channel: int = 0) -> tuple[Figure, str]:
        map_ = walk.maps[stage]
        number = channel % map_.shape[1]
        values = map_[0, number].clamp(min=0).numpy()
        figure, axes = new_figure(8.4, 3.1, 1, 2)
        height, width = walk.frame.pixels.shape[-2:]
        axes[0].imshow(walk.pixels, extent=(0, width, height, 0), interpolation="nearest")
        axes[0].set_axis_off()
        heading(axes[0], "the frame")
        show(axes[1], values, walk)
        inside, outside = _inside(values, walk)
        heading(axes[1], f"{stage} channel {number}: {inside:.2f} in the boxes, {outside:.2f} out")
        return figure, f"mean answer of channel {number} of {map_.shape[1]}: {inside:.2f} inside, {outside:.2f} outside"

    return draw


def plain_channel(walk: Walk, stage: str = "C4") -> int:
    """The channel of a stage that tells inside and outside of the objects apart least, of the stronger half.

    0 where no cell, or every cell, is inside an object: then there is nothing to tell apart.
    """
    values = walk.maps[stage][0].clamp(min=0).numpy()
    pairs = [_inside(channel, walk) for channel in values]
    least = float(np.median([inside + outside for inside, outside in pairs]))  # NaN where one of them has no cell
    gaps = [abs(inside - outside) / max(inside + outside, 1e-9) for inside, outside in pairs]
    return min((k for k in range(len(pairs)) if sum(pairs[k]) >= least), key=lambda k: gaps[k], default=0)


def _inside(values: NDArray[np.float32], walk: Walk) -> tuple[float, float]:
    """Mean of a map (H, W) over the cells whose centre is in a true box, and over the others."""
    rows, columns = values.shape
    height, width = walk.frame.pixels.shape[-2:]
    y = (np.arange(rows)[:, None] + 0.5) * height / rows
    x = (np.arange(columns)[None] + 0.5) * width / columns
    mask = np.zeros(values.shape, bool)
    for x1, y1, x2, y2 in walk.true_boxes.tolist():
        mask |= (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    mean = [float(values[part].mean()) if part.any() else float("nan") for part in (mask, ~mask)]
    return mean[0], mean[1]


def reach(walk: Walk, *, dilated: bool = True, neck: bool = False) -> NDArray[np.float32]:
    """How strongly each cell of C4 (H, W) feeds the middle cell of C5: the size of the gradient, 0 where none arrives.

    dilated: False gives the same weights with ordinary 3x3 convolutions. neck: the middle cell of the neck instead.
    """
    layer = copy.deepcopy(walk.detector.backbone.get_submodule("layer4"))
    for module in layer.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3) and not dilated:
            module.dilation = module.padding = (1, 1)
    with torch.enable_grad():
        c4 = walk.maps["C4"].clone().requires_grad_()
        out = layer(c4)
        out = walk.detector.neck(out) if neck else out
        (gradient,) = torch.autograd.grad(out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum(), c4)
    return gradient[0].abs().sum(dim=0).numpy()


def draw_reach(walk: Walk) -> Figure:
    """What one cell sees of C4: without dilation, with it, and after the neck; measured by the gradient."""
    fields = [reach(walk, dilated=False), reach(walk), reach(walk, neck=True)]
    names = ["layer4, ordinary", "layer4, dilated", "dilated, then neck"]
    figure, axes = new_figure(9.5, 3.1, 1, 3)
    for panel, field, name in zip(axes, fields, names, strict=True):
        rows, columns = field.shape
        panel.imshow(np.where(field > 0, np.sqrt(field / field.max()), np.nan), cmap="Blues", vmin=-0.25, vmax=1.0)
        panel.set_xticks(np.arange(columns + 1) - 0.5, [])
        panel.set_yticks(np.arange(rows + 1) - 0.5, [])
        panel.grid(color="white", linewidth=1)
        panel.tick_params(length=0)
        middle = (columns // 2 - 0.5, rows // 2 - 0.5)
        panel.add_patch(Rectangle(middle, 1, 1, fill=False, edgecolor=VERMILLION, linewidth=2.4))
        seen = np.flatnonzero((field > 0).any(axis=0))
        panel.set_xlabel(f"{int((field > 0).sum())} cells, {seen[-1] - seen[0] + 1} wide", fontsize=10, color=INK)
        panel.set_title(name, loc="left", fontsize=10, color=INK, pad=4)
    figure.suptitle(_reach_finding(fields), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    return figure


def _reach_finding(fields: list[NDArray[np.float32]]) -> str:
    """What the three fields say: how wide each is, and whether the last has the holes of the one before."""
    (_, near), (holes, far), (left, _) = map(_spread, fields)
    text = f"Dilated filters reach {'further' if far > near else 'as far'} ({far} cells against {near}), "
    if not holes:
        return f"{text}without gaps"
    return f"{text}with gaps; {'the neck fills them' if not left else f'after the neck {left} gaps are left'}"


def _spread(field: NDArray[np.float32]) -> tuple[int, int]:
    """Cells without any gradient inside the rectangle of those with some, and its width in cells."""
    rows, columns = (np.flatnonzero((field > 0).any(axis=axis)) for axis in (1, 0))
    inside = field[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int((inside <= 0).sum()), inside.shape[1]


def draw_dilation() -> Figure:
    """The nine inputs of a 3x3 convolution, close together and with a gap."""
    figure, axes = new_figure(5.8, 2.7, 1, 2)
    for panel, step in zip(axes, (1, 2), strict=True):
        for row in range(7):
            for column in range(7):
                read = (row - 3) % step == 0 and (column - 3) % step == 0 and max(abs(row - 3), abs(column - 3)) <= step
                panel.add_patch(Rectangle((column, row), 0.92, 0.92, facecolor=BLUE if read else "#eef1f4"))
        panel.add_patch(Rectangle((3, 3), 0.92, 0.92, fill=False, edgecolor=VERMILLION, linewidth=2.6))
        panel.set_xlim(-0.1, 7.1)
        panel.set_ylim(7.1, -0.1)
        panel.set_aspect("equal")
        panel.set_axis_off()
        heading(panel, f"dilation {step}: {2 * step + 1} cells wide")
    return figure
