"""Two crops of one frame: where a window of the one lies in the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from clab_lite import lessons
from clab_lite.data.transforms import flip_horizontal
from clab_lite.data.video_index import VideoIndex
from clab_lite.lessons.crosscl.pictures import as_picture, number_windows, outline, show_view, thin_windows, window_at
from clab_lite.lessons.explorer import Explorer
from clab_lite.methods.crosscl import CrossCLConfig, PairBatch, PairSource, lite
from clab_lite.methods.crosscl.windows import map_windows, query_windows
from clab_lite.methods.shared.views import UNCHANGED
from clab_lite.show.style import BLUE, INK, ORANGE, VERMILLION, new_figure

SHOWN = 8
"""Pairs to look at."""


@dataclass(frozen=True)
class Desk:
    """Pairs of views without changes of colour, and their windows."""

    index: VideoIndex
    config: CrossCLConfig
    batch: PairBatch

    @property
    def windows(self) -> Tensor:
        """(A, 4), of every query view."""
        return query_windows(self.config.image_size, self.config.windows)

    def mapped(self, pair: int) -> tuple[Tensor, Tensor]:
        """Boxes (A, 4) in the key view of a pair, and which are valid (A,)."""
        boxes, valid = map_windows(
            self.windows, self.batch.query_crops[[pair]], self.batch.key_crops[[pair]], self.config.image_size
        )
        return boxes[0], valid[0]

    def frame(self, pair: int) -> NDArray[np.float64]:
        """The frame both views were cut from, mirrored as it was then: (H, W, 3), 0 to 1."""
        video, number, _ = self.batch.frames[pair].tolist()
        image = self.index.load_image(video, number)
        image = flip_horizontal(image) if self.batch.flipped[pair] else image
        return (image.permute(1, 2, 0) / 255).double().numpy()

    def valid_share(self) -> float:
        """Of all windows of all pairs, those that lie in both views."""
        return sum(int(self.mapped(pair)[1].sum()) for pair in range(len(self.batch.frames))) / (
            len(self.batch.frames) * len(self.windows)
        )


def make_desk(index: VideoIndex, crop_area_min: float = lite().crop_area_min, seed: int = 0) -> Desk:
    """SHOWN pairs of crops that take at least that share of their frame."""
    base = lite()
    config = replace(base, crop_area_min=crop_area_min, pretrain=replace(base.pretrain, batch=SHOWN, seed=seed))
    return Desk(index, config, PairSource(index, config, UNCHANGED).batch(0))


def draw_pair(desk: Desk, pair: int, window: int) -> tuple[Figure, str]:
    """The frame with both crops, the query view with its windows, the key view with the matches."""
    boxes, valid = desk.mapped(pair)
    count = int(valid.sum())
    figure, axes = new_figure(9.5, 3.4, 1, 3, width_ratios=(1.45, 1, 1))
    word = "has its match in the other view" if valid[window] else "is not whole in the other view: it is left out"
    figure.suptitle(f"Window {window} {word}", x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    show_view(axes[0], desk.frame(pair), "the frame and its two crops")
    for crop, colour, name in (
        (desk.batch.query_crops[pair], BLUE, "query"),
        (desk.batch.key_crops[pair], ORANGE, "key"),
    ):
        outline(axes[0], crop.tolist(), colour)
        axes[0].text(
            float(crop[0]) + 3, float(crop[3]) - 3, name, color="white", fontsize=9, va="bottom",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    for panel, view, windows, numbers, name in (
        (axes[1], desk.batch.query[pair], desk.windows, range(len(desk.windows)), "query view: point at a window"),
        (axes[2], desk.batch.key[pair], boxes[valid], valid.nonzero().flatten().tolist(), "key view"),
    ):
        show_view(panel, as_picture(view), name)
        thin_windows(panel, windows)
        number_windows(panel, windows, list(numbers))
    outline(axes[1], desk.windows[window].tolist(), BLUE if valid[window] else VERMILLION)
    if valid[window]:
        outline(axes[2], boxes[window].tolist(), BLUE)
    return figure, f"{count} of {len(valid)} windows lie in both views; {_size(desk, boxes, valid, window)}"


def _size(desk: Desk, boxes: Tensor, valid: Tensor, window: int) -> str:
    if not valid[window]:
        return f"window {window} does not"
    (w, h), side = (boxes[window, 2:] - boxes[window, :2]).tolist(), desk.windows[0, 2] - desk.windows[0, 0]
    return f"window {window} is {side:.0f} x {side:.0f} pixels here and {w:.0f} x {h:.0f} there"


class PairExplorer(Explorer):
    """Point at a window of the query view, or move the slider."""

    def __init__(self, index: VideoIndex) -> None:
        desks = cache(lambda area: make_desk(index, area))
        first = desks(lite().crop_area_min)
        pair, window = _good_start(first)
        super().__init__(
            lambda pair, window, area: draw_pair(desks(area), pair, window),
            {
                "pair": lessons.slider("pair", 0, SHOWN - 1, pair, 1),
                "window": lessons.slider("window", 0, len(first.windows) - 1, window, 1),
                "area": lessons.stops("smallest crop, share of the frame", (0.1, 0.2, 0.3, 0.6, 0.9), 0.3),
            },
        )
        self.windows = first.windows
        self.pointer = lessons.pointer(self.picture, lambda: self.figure, self.point_at, moves=True, say=self.tell)

    def point_at(self, axes: int, x: float, y: float) -> None:
        """As the mouse at (x, y) of the axes of that number: 1 is the query view."""
        found = window_at(self.windows, x, y) if axes == 1 else None
        if found is not None:
            self.controls["window"].value = found


def pair_explorer(index: VideoIndex) -> PairExplorer:
    """Windows in two views of a frame."""
    return PairExplorer(index)


def _good_start(desk: Desk) -> tuple[int, int]:
    """A pair with about half of its windows valid, and of these the one with the most to see."""
    counts = torch.tensor([int(desk.mapped(pair)[1].sum()) for pair in range(SHOWN)])
    pair = int((counts - len(desk.windows) / 2).abs().argmin())
    valid = desk.mapped(pair)[1].nonzero().flatten()
    return pair, max(valid.tolist(), key=lambda window: _contrast(desk, pair, window), default=0)


def _contrast(desk: Desk, pair: int, window: int) -> float:
    """Standard deviation of the pixels of a window."""
    x0, y0, x1, y1 = (int(value) for value in desk.windows[window])
    return float(desk.batch.query[pair, :, y0:y1, x0:x1].std())


def valid_shares(index: VideoIndex, areas: tuple[float, ...] = (0.1, 0.2, 0.3, 0.6, 0.9)) -> dict[float, float]:
    """Smallest crop -> share of windows that lie in both views, over a few batches."""
    return {area: sum(make_desk(index, area, seed).valid_share() for seed in range(4)) / 4 for area in areas}
