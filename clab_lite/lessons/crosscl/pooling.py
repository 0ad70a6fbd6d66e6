"""The mean of a bilinear surface over a window, along one row of cells."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torchvision.ops import roi_align

from clab_lite import lessons
from clab_lite.lessons.explorer import Explorer
from clab_lite.methods.crosscl.region_mean import region_means
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, heading, new_figure, quiet

ROW = (1.0, 2.0, 4.0, 1.5, 3.0, 0.5)
"""Values of the cells."""


def exact_mean(row: tuple[float, ...], left: float, right: float) -> float:
    """Mean of the surface through `row` between two places, in cells."""
    return float(region_means(_rows(row), torch.tensor([[[left, 1.0, right, 2.0]]], dtype=torch.float64), 1.0))


def sampled_mean(row: tuple[float, ...], left: float, right: float, aligned: bool) -> float:
    """torchvision's roi_align with one cell out and as many samples as the box has cells."""
    box = torch.tensor([[left, 1.0, right, 2.0]], dtype=torch.float64)
    return float(roi_align(_rows(row), [box], 1, 1.0, -1, aligned))


def draw_pooling(left: float, width: float) -> tuple[Figure, str]:
    """The surface, the window, its exact mean and the samples that roi_align takes."""
    right = left + width
    exact, sampled, shifted = exact_mean(ROW, left, right), *(sampled_mean(ROW, left, right, a) for a in (False, True))
    figure, (axes,) = new_figure(9.5, 3.6)
    places, surface = np.arange(-1, len(ROW) + 1), np.array([0.0, *ROW, 0.0])
    fine = np.linspace(left, right, 200)
    axes.fill_between(fine, np.interp(fine, places, surface), color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(places, surface, color=GREY, linewidth=1.2)
    axes.scatter(range(len(ROW)), ROW, color=INK, s=28, zorder=3)
    axes.hlines(exact, left, right, color=BLUE, linewidth=2.5)
    count = int(np.ceil(width))
    samples = left + (np.arange(count) + 0.5) * width / count
    axes.scatter(samples, np.interp(samples, places, surface), marker="D", color=ORANGE, s=34, zorder=4)
    axes.text(right + 0.06, exact, f"exact mean {exact:.3f}", color=BLUE, va="center", fontsize=10,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
    axes.text(
        samples[0], np.interp(samples[0], places, surface) + 0.22, "samples", color=ORANGE, ha="center", fontsize=9
    )
    quiet(axes)
    axes.axhline(0, color=PALE, linewidth=1)
    axes.set(xlim=(-1.1, len(ROW) + 0.9), ylim=(-0.1, 4.9), xticks=range(len(ROW)))
    axes.set_xlabel("cell of the feature map", fontsize=9, color=GREY)
    axes.set_ylabel("value", fontsize=9, color=GREY)
    off = abs(sampled - exact)
    heading(axes, f"Sampling is off by {off:.3f} here" if off > 5e-4 else "Sampling gives the exact mean here")
    return figure, (
        f"exact {exact:.3f}; roi_align {sampled:.3f}; roi_align with aligned=True {shifted:.3f}: "
        f"it reads half a cell to the left, off by {abs(shifted - exact):.3f}"
    )


def pooling_explorer() -> Explorer:
    """Move the window along the row."""
    return lessons.explore(
        draw_pooling,
        left=lessons.slider("left edge, cells", 0.0, 4.0, 0.4, 0.1),
        width=lessons.slider("width, cells", 0.5, 3.0, 1.9, 0.1),
    )


def _rows(row: tuple[float, ...]) -> torch.Tensor:
    """(1, 1, 4, W): the same row four times, so that only x matters between rows 1 and 2."""
    return torch.tensor(row, dtype=torch.float64).expand(1, 1, 4, -1).contiguous()
