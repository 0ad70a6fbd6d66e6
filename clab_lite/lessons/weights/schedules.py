"""The four shapes of the weight on one picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from clab_lite.lessons.weights.shares import SHAPES, number, schedule_of
from clab_lite.show.style import GREY, class_style, heading, new_figure, quiet


def compare_shapes(start: float, until: float) -> tuple[Figure, str]:
    """w(t) of every shape from `start`, zero from progress `until`; and the area under each, in words."""
    figure, (axes,) = new_figure(9.5, 3.4)
    progress, areas = np.linspace(0, 1, 1001), {}
    for place, shape in enumerate(SHAPES):
        weight = schedule_of(shape, start, until)
        values = np.array([weight(float(p)) for p in progress])
        areas[shape] = float(values.mean())
        dashes = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (5, 1, 1, 1)))[place]
        axes.plot(progress, values, color=class_style(place)[0], linewidth=2, linestyle=dashes, label=shape)
    axes.set_ylim(0, 1.12 * max(start, 1e-6))
    axes.set_xlabel("progress of training", fontsize=9, color=GREY)
    axes.set_ylabel("weight w(t)", fontsize=9, color=GREY)
    axes.legend(fontsize=9, frameon=False, ncols=4, loc="upper right")
    heading(axes, f"Mean weight over training: constant {number(areas['constant'])}, linear {number(areas['linear'])}")
    quiet(axes)
    means = ", ".join(f"{shape} {number(area)}" for shape, area in areas.items())
    return figure, f"Mean weight over the whole training: {means}."
