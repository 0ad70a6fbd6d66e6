"""The course of a short training: its loss, and the probe on the way."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from clab_lite.lessons.codo.grids import COSINES
from clab_lite.lessons.codo.live import LiveRun
from clab_lite.show.style import BLUE, GREY, INK, PALE, heading, new_figure, quiet


def draw_training(run: LiveRun) -> Figure:
    """Left: the loss against chance. Right: the three cosines of the probe."""
    figure, axes = new_figure(9.5, 3.3, 1, 2)
    chance = sum(run.config.trunk.level_weights) * math.log(run.config.pretrain.batch)
    steps = np.arange(1, len(run.losses) + 1)
    axes[0].plot(steps, run.losses, color=PALE, linewidth=1.2)
    axes[0].plot(steps, smooth(run.losses), color=BLUE, linewidth=2)
    axes[0].axhline(chance, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    axes[0].text(len(steps), chance, "chance ", fontsize=9, color=GREY, ha="right", va="bottom")
    axes[0].set_xlabel("steps", fontsize=9, color=GREY)
    heading(axes[0], f"Loss, sum over levels: {smooth(run.losses)[-1]:.2f} at last, chance {chance:.2f}")
    done = sorted(run.moments)
    for field, label, colour in COSINES:
        values = [getattr(run.moments[step], field) for step in done]
        axes[1].plot(done, values, ".-", color=colour, linewidth=1.8, markersize=7, label=label)
    axes[1].set_ylim(min(0.0, axes[1].get_ylim()[0]), 1.02)
    axes[1].set_xlabel("steps", fontsize=9, color=GREY)
    axes[1].set_ylabel("cosine", fontsize=9, color=GREY)
    axes[1].legend(fontsize=9, frameon=False, loc="lower left")
    heading(axes[1], f"Gap {run.moments[done[0]].gap:.2f} → {run.moments[done[-1]].gap:.2f}")
    for panel in axes:
        quiet(panel)
        panel.tick_params(labelcolor=INK)
    return figure


def smooth(values: list[float], window: int = 9) -> list[float]:
    """Mean over the last `window` values, fewer at the start."""
    return [float(np.mean(values[max(0, place - window + 1) : place + 1])) for place in range(len(values))]
