"""Crops as a sheet: a row per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.ranked.backgrounds import background_crops
from clab_lite.methods.ranked.crops import find_crops
from clab_lite.show.style import GREY, INK, VERMILLION, new_figure

SIDE = 32


def known_crops(index: VideoIndex, names: Sequence[str], count: int = 8, seed: int = 0) -> dict[str, Tensor]:
    """`count` crops (count, 3, 32, 32) of each class, of different videos as far as there are some."""
    draws = np.random.default_rng(seed)
    sheets = {}
    for name in names:
        crops = find_crops(index, (name,), SIDE)
        order = draws.permutation(len(crops))
        _, first = np.unique(crops.places[order, 0], return_index=True)
        rows = np.concatenate([order[np.sort(first)], np.setdiff1d(order, order[first])])[:count]
        sheets[name] = crops.pixels(rows)
    return sheets


def far_crops(index: VideoIndex, count: int = 8, seed: int = 0) -> Tensor:
    """Crops (count, 3, 32, 32) without an object."""
    crops = background_crops(index, SIDE, count, seed)
    return crops.pixels(range(len(crops)))


def draw_crops(sheets: Mapping[str, Tensor], withheld: Sequence[str] = ()) -> Figure:
    """A row per class, two classes side by side; names of withheld classes in red."""
    lines = -(-len(sheets) // 2)
    figure, panels = new_figure(9.5, 0.72 * lines + 0.1, lines, 2)
    for axes in panels:
        axes.axis("off")
    for axes, (name, crops) in zip(panels, sheets.items(), strict=False):
        strip = np.concatenate([np.pad(crop.permute(1, 2, 0).numpy(), ((0, 0), (0, 3), (0, 0)), constant_values=255)
                                for crop in crops], axis=1)  # fmt: skip
        axes.imshow(strip)
        colour = VERMILLION if name in withheld else GREY if name == "no object" else INK
        axes.text(-5, SIDE / 2, name, color=colour, fontsize=10, ha="right", va="center")
    return figure
