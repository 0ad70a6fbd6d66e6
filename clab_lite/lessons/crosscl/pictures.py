"""What the figures of this lesson share: views as pictures, and windows on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.show.style import INK

Box = Sequence[float]
"""(x0, y0, x1, y1) in pixels of the picture."""


def as_picture(view: Tensor) -> NDArray[np.float64]:
    """A normalised view (3, H, W) as RGB (H, W, 3), 0 to 1."""
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return ((view * deviation + mean) / 255).clamp(0, 1).permute(1, 2, 0).double().numpy()


def show_view(axes: Axes, picture: NDArray[np.float64], title: str) -> None:
    """A picture on bare axes whose coordinates are its pixels."""
    height, width = picture.shape[:2]
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def outline(axes: Axes, box: Box, colour: str, *, width: float = 2.5, dashed: bool = False) -> None:
    """A window's rim, with a thin light one around it, so that it shows on any picture."""
    x0, y0, x1, y1 = (float(value) for value in box)
    for line, shade in ((width + 1.5, "white"), (width, colour)):
        style = (0, (3, 2)) if dashed else "solid"
        axes.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=line, edgecolor=shade, linestyle=style)
        )


def thin_windows(axes: Axes, boxes: Tensor) -> None:
    """All windows as thin white rims."""
    for x0, y0, x1, y1 in boxes.tolist():
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=0.8, edgecolor="white", alpha=0.8))


def number_windows(axes: Axes, boxes: Tensor, numbers: Sequence[int]) -> None:
    """The number of each window in its corner."""
    for (x0, y0, _, _), number in zip(boxes.tolist(), numbers, strict=True):
        axes.text(
            x0 + 2, y0 + 2, str(number), fontsize=8, color="white", va="top",
            bbox={"facecolor": INK, "alpha": 0.55, "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip


def window_at(boxes: Tensor, x: float, y: float) -> int | None:
    """The window (A, 4) that holds a point, the first of several; None beside all of them."""
    inside = (boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3])
    found = inside.nonzero().flatten()
    return int(found[0]) if len(found) else None
