"""The lengths of the two gradients over training: why one weight is another share at another time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from clab_lite.errors import DataError
from clab_lite.lessons.weights.shares import balance_of, number, percent
from clab_lite.show.style import BLUE, GREY, ORANGE, PALE, VERMILLION, heading, new_figure, quiet
from clab_lite.study.gradients import share


def first_lengths(study: Any, level: str = "frame") -> tuple[float, float]:
    """(|g_detection|, |g_contrast|) at C4 after the first step: medians over the measured runs of that level."""
    found = [balance_of(record) for record in _of_level(study, level)]
    pairs = [(b.detection[0], b.contrast[0]) for b in found if len(b.step)]
    if not pairs:
        raise DataError(f"no run of level {level!r} logged its gradients. Make the study anew.")
    detection, contrast = np.median(np.array(pairs), axis=0).tolist()
    return detection, contrast


def lengths_figure(study: Any, weight: float, level: str = "frame") -> tuple[Figure, str]:
    """Left: both lengths in every run and their medians. Right: the share that one constant weight would have."""
    times, detection, contrast = _together(study, level)
    figure, (left, right) = new_figure(9.5, 3.7, 1, 2)
    for lengths, colour, name in ((detection, BLUE, "detection"), (contrast, ORANGE, "contrast, without its weight")):
        left.plot(times, lengths.T, color=colour, linewidth=0.6, alpha=0.35)
        left.plot(times, np.median(lengths, axis=0), color=colour, linewidth=2.2, label=name)
    left.set_yscale("log")
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    left.set_ylabel("length of the gradient at C4", fontsize=9, color=GREY)
    left.legend(fontsize=9, frameon=False)
    ratio = np.median(contrast / np.maximum(detection, 1e-12), axis=0)
    heading(left, f"Contrast pulls {ratio[0]:.0f}× as hard at first, {ratio[-1]:.0f}× at last")
    shares = share(detection, contrast, weight)
    right.plot(times, shares.T, color=PALE, linewidth=0.8)
    middle = np.median(shares, axis=0)
    right.plot(times, middle, color=VERMILLION, linewidth=2.2)
    right.set_ylim(-0.03, 1.03)
    right.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    right.set_ylabel("share of the gradient", fontsize=9, color=GREY)
    first, last = percent(float(middle[0])), percent(float(middle[-1]))
    heading(right, f"w = {number(weight)}: share {first} at first, {last} at the end")
    for axes in (left, right):
        axes.set_xlabel("progress of training", fontsize=9, color=GREY)
        quiet(axes)
    words = (
        f"Medians of {len(detection)} measured runs; thin lines are single runs. At w = {number(weight)} the share"
        f" would be {first} after the first step and {last} at the end."
        " An estimate: each run was trained with a weight of its own."
    )
    return figure, words


def _of_level(study: Any, level: str) -> list[Any]:
    return [record for record in study.records if record.setting.level == level]


def _together(study: Any, level: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Progress (n,), and the lengths of all runs (R, n) at these moments, between measured ones in a straight line."""
    found = [balance_of(record) for record in _of_level(study, level)]
    found = [balance for balance in found if len(balance.step) > 1]
    if not found:
        raise DataError(f"no run of level {level!r} logged its gradients. Make the study anew.")
    times = max(found, key=lambda balance: len(balance.step)).progress
    detection = np.array([np.interp(times, b.progress, b.detection) for b in found])
    contrast = np.array([np.interp(times, b.progress, b.contrast) for b in found])
    return times, detection, contrast
