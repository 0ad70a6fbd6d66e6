"""Frame level beside object level, and the matrix of cosines that all figures of the branch share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from torch import Tensor

from clab_lite.lessons.branch.batch import Batch
from clab_lite.lessons.branch.ledger import Ledger
from clab_lite.lessons.branch.path import ObjectRows, Path
from clab_lite.show.style import GREEN, GREY, INK, PALE, heading, new_figure


def levels(batch: Batch, frames: Path, objects: ObjectRows) -> Figure:
    """Frame level beside object level: the boxes on the key frames, and both similarity matrices."""
    count, length = batch.clips.shape[:2]
    figure = new_figure(9.5, 5.6)[0]
    figure.clear()
    grid = figure.add_gridspec(2, 2 * count, height_ratios=[1, 2.1])
    boxes = objects.rois.numpy()
    for clip in range(count):
        panel = figure.add_subplot(grid[0, 2 * clip : 2 * clip + 2])
        panel.imshow(batch.picture(clip * length))
        inside = boxes[boxes[:, 0] == clip * length]
        for x1, y1, x2, y2 in inside[:, 1:]:
            panel.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=GREEN, linewidth=2))
        panel.set_title(f"{batch.names[clip * length]}: {len(inside)} object{'s' * (len(inside) != 1)}", fontsize=9,
                        color=INK, loc="left")  # fmt: skip
        panel.set_axis_off()
    order = objects.labels.argsort(stable=True)
    units = torch.nn.functional.normalize(objects.embeddings[order], dim=1)
    sizes = run_lengths(objects.labels[order].numpy())
    left, right = figure.add_subplot(grid[1, :count]), figure.add_subplot(grid[1, count:])
    draw_matrix(left, frames.similarity.numpy(), [length] * count)
    draw_matrix(right, (units @ units.T).numpy(), sizes)
    heading(left, f"Frame level, {_against_chance(frames.embeddings, batch.labels, frames.loss)}")
    heading(right, f"Object level, {_against_chance(objects.embeddings, objects.labels, objects.loss)}")
    letters = [batch.names[clip * length][:-1] for clip in range(count)]
    _name_blocks(left, [length] * count, letters)
    _name_blocks(right, sizes, objects.names(batch))
    left.set_xlabel("red: cosine +1, white: 0, blue: −1. Framed: positives", fontsize=9, color=GREY)
    return figure


def _against_chance(embeddings: Tensor, labels: Tensor, loss: Tensor) -> str:
    """The number of rows, and the loss beside its chance level."""
    chance = Ledger.of(embeddings, labels, 1.0).chance  # the same at every temperature
    part = f", {float(loss) / chance:.0%} of chance ({chance:.2f})" if chance else ""
    return f"{len(labels)} rows:\nloss {float(loss):.2f}{part}"


def _name_blocks(axes: Axes, sizes: Sequence[int], names: Sequence[str]) -> None:
    """The name of every block of rows at its middle; no marks for the columns, which stand in the same order."""
    ends = np.cumsum(sizes)
    axes.set_yticks(ends - np.asarray(sizes) / 2 - 0.5, names)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=9, colors=GREY)


def run_lengths(labels: ArrayLike) -> list[int]:
    """How many equal labels follow each other, group by group."""
    return [len(list(group)) for _, group in groupby(np.asarray(labels).tolist())]


def draw_matrix(axes: Axes, similarity: ArrayLike, blocks: Sequence[int]) -> None:
    """A matrix of cosines from -1 to 1, with a frame around each block of positives on the diagonal."""
    axes.imshow(np.asarray(similarity), cmap="RdBu_r", vmin=-1, vmax=1)
    start = -0.5
    for size in blocks:
        axes.add_patch(Rectangle((start, start), size, size, fill=False, edgecolor=INK, linewidth=1.3))
        start += size
    axes.spines[:].set_color(PALE)
