"""A schedule as a pure function, and the official hook that changes a number in the model, when training resumes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.lessons.weights.shares import number
from clab_lite.schedule import linear_decay
from clab_lite.show.style import BLUE, GREY, VERMILLION, heading, new_figure, quiet


def hook_weights(start: float, zero_at: int, iterations: int, resumed_at: int | None = None) -> NDArray[np.float64]:
    """(iterations,) weights that the official hook gives the loss (arXiv 2508.20551, released code, `SimCLRHook`).

    While iteration <= zero_at it writes start * (1 - iteration / zero_at) into the model; later it leaves what is
    there. The weight is in no checkpoint: a model that is built anew to resume begins with `start` again.
    """
    if resumed_at is not None and not 0 < resumed_at < iterations:
        raise DataError(f"resumed_at = {resumed_at} is not inside the {iterations} iterations. Choose one between.")
    answer, weight = np.zeros(iterations), start
    for iteration in range(iterations):
        if iteration == resumed_at:
            weight = start
        if iteration <= zero_at:
            weight = start * (1 - iteration / zero_at)
        answer[iteration] = weight
    return answer


def resumed_figure(
    resumed: float, start: float = 0.005, until: float = 0.5, iterations: int = 1000
) -> tuple[Figure, str]:
    """Both weights in a run that stops and resumes at progress `resumed` in (0, 1); and one line of numbers."""
    at = min(max(round(resumed * iterations), 1), iterations - 1)
    progress = np.arange(iterations) / iterations
    pure = np.array([linear_decay(start, until)(float(p)) for p in progress])
    official = hook_weights(start, round(until * iterations), iterations, at)
    figure, (axes,) = new_figure(9.5, 3.2)
    axes.plot(progress, official, color=VERMILLION, linewidth=2, label="official hook")
    axes.plot(progress, pure, color=BLUE, linewidth=2, linestyle=(0, (4, 2)), label="pure function (here)")
    axes.axvline(at / iterations, color=GREY, linewidth=1)
    axes.text(at / iterations, start * 1.08, " stopped and resumed", fontsize=9, color=GREY)
    axes.set_ylim(0, start * 1.2)
    axes.set_xlabel("progress of training", fontsize=9, color=GREY)
    axes.set_ylabel("weight", fontsize=9, color=GREY)
    axes.legend(fontsize=9, frameon=False, loc="center left")
    quiet(axes)
    wrong = float(np.abs(official - pure).sum() / max(pure.sum(), 1e-12))
    back = np.abs(official - pure)[at:].max() > 1e-9
    finding = f"the official weight is back at {number(start)} and stays" if back else "both go on as before"
    heading(axes, f"Resumed at {resumed:.0%}: {finding}")
    return figure, f"Weight that nobody wanted, as a share of all that the schedule was meant to give: {wrong:.0%}."
