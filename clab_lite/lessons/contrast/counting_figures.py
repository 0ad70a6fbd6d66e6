"""The picture of a batch: who meets whom, and what three kinds of useless embeddings score."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from clab_lite.lessons.contrast.counting import Batch, losses_that_know_nothing
from clab_lite.show.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, quiet

_SELF, _POSITIVE, _NEGATIVE = "#ffffff", BLUE, "#f3c9ae"


def draw_batch(clips_per_gpu: int, gpus: int, references: int, temperature: float = 0.1) -> tuple[Figure, str]:
    """Left: every row against every row. Right: the loss of embeddings that know nothing, against chance."""
    batch = Batch(clips_per_gpu, gpus, references)
    losses = losses_that_know_nothing(batch, temperature)
    figure, (square, bars) = new_figure(9.2, 4.2, columns=2, width_ratios=(1, 1.15))
    _draw_square(square, batch)
    _draw_losses(bars, batch, losses, temperature)
    numbers = (
        f"{batch.anchors} anchors · {batch.positives} positives and {batch.negatives} negatives for each · "
        f"{batch.pairs} ordered pairs · chance ln(1 + {batch.negatives}) = {batch.chance:.4f} · "
        + " · ".join(f"{name} {value:.4f}" for name, value in losses.items())
    )
    return figure, numbers


def _draw_square(axes: Axes, batch: Batch) -> None:
    labels = batch.labels.numpy()
    kind = np.where(labels[:, None] == labels[None], 1, 2)
    np.fill_diagonal(kind, 0)
    axes.imshow(kind, cmap=ListedColormap([_SELF, _POSITIVE, _NEGATIVE]), vmin=0, vmax=2, interpolation="nearest")
    per_gpu = batch.clips_per_gpu * batch.frames
    for edge in range(per_gpu, batch.anchors, per_gpu):
        axes.axhline(edge - 0.5, color=INK, linewidth=1.2)
        axes.axvline(edge - 0.5, color=INK, linewidth=1.2)
    if batch.anchors <= 24:
        axes.set_xticks(np.arange(-0.5, batch.anchors), minor=True)
        axes.set_yticks(np.arange(-0.5, batch.anchors), minor=True)
        axes.grid(which="minor", color="white", linewidth=1)
    middles = [gpu * per_gpu + per_gpu / 2 - 0.5 for gpu in range(batch.gpus)]
    names = [f"GPU {gpu}" for gpu in range(batch.gpus)]
    axes.set_yticks(middles, names, fontsize=10)
    axes.set_xticks([])
    axes.tick_params(which="both", length=0, colors=GREY)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{batch.anchors} frames against {batch.anchors} frames", fontsize=10, color=INK)
    axes.legend(
        handles=[Patch(color=_POSITIVE, label="positive"), Patch(color=_NEGATIVE, label="negative")],
        loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=2, fontsize=10, frameon=False,
    )  # fmt: skip
    clips = batch.clips - 1
    others = "one other clip" if clips == 1 else f"{clips} other clips"
    few = "No negative: there is no other clip" if clips == 0 else f"{batch.negatives} negatives, from {others}"
    heading(axes, few)


def _draw_losses(axes: Axes, batch: Batch, losses: dict[str, float], temperature: float) -> None:
    quiet(axes, grid=False)
    for row, (name, value) in enumerate(losses.items()):
        axes.barh(row, value, color=GREY, height=0.55)
        axes.text(value, row, f"  {value:.3f}", va="center", fontsize=10.5, color=INK)
        axes.text(0, row - 0.31, f" {name}", va="bottom", fontsize=10.5, color=INK)
    axes.axvline(batch.chance, color=VERMILLION, linewidth=1.6, linestyle="--")
    axes.set_yticks([])
    axes.set(ylim=(len(losses) - 0.5, -0.8), xlim=(0, 1.2 * max(1.0, *losses.values())))
    axes.set_xlabel(f"NT-Xent at τ = {temperature:g} (dashed: chance)", fontsize=10, color=INK)
    if batch.chance == 0:
        missing = "no anchor has a negative" if batch.positives else "no anchor has a positive"
        heading(axes, f"The loss is exactly 0: {missing}")
    else:
        heading(axes, f"Knowing nothing costs ln(1 + {batch.negatives}) = {batch.chance:.2f}")


def draw_readings(loss: float) -> tuple[Figure, str]:
    """One value of the loss, against chance for 2 to 64 clips of three frames."""
    clips = np.arange(2, 65)
    chances = np.array([Batch(int(count), 1, 2).chance for count in clips])
    figure, (axes,) = new_figure(9.2, 3.4)
    quiet(axes)
    axes.plot(clips, chances, color=VERMILLION, linewidth=2)
    axes.fill_between(clips, 0, chances, color=BLUE, alpha=0.12, linewidth=0)
    axes.axhline(loss, color=INK, linewidth=1.6)
    axes.text(63.5, chances[-1] + 0.08, "chance, ln(1 + negatives)", ha="right", va="bottom", fontsize=10,
              color=VERMILLION)  # fmt: skip
    axes.text(63.5, loss + 0.06, f"your loss {loss:.2f}", ha="right", va="bottom", fontsize=10, color=INK)
    axes.set(xlim=(2, 64), ylim=(0, 6.2), xticks=[2, 4, 8, 16, 32, 64], ylabel="NT-Xent")
    axes.set_xlabel("clips in the batch over all GPUs (three frames each)", fontsize=10, color=INK)
    shown = {count: Batch(count, 1, 2).chance for count in (2, 4, 16)}
    better = clips[chances > loss]
    if len(better):
        heading(axes, f"A loss of {loss:.2f} is better than chance from {better[0]} clips on")
    else:
        heading(axes, f"A loss of {loss:.2f} is worse than chance at every size shown")
    parts = [f"{count} clips: {loss / chance:.0%} of chance ({chance:.3f})" for count, chance in shown.items()]
    return figure, " · ".join(parts)
