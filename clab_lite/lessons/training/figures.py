"""Pictures of a training: the board, two runs beside each other, one row of a log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.config import Config
from clab_lite.lessons.training.band import Band
from clab_lite.schedule import contrast_schedule, learning_rate
from clab_lite.show.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    SKY,
    VERMILLION,
    heading,
    new_figure,
    quiet,
    spread,
)
from clab_lite.training.losses import DETECTION_LOSSES

Row = Mapping[str, Any]
Points = Sequence[tuple[int, float]]


_AP_TOP = 0.5
"""Every board's AP axis reaches at least here, so that boards can be compared."""


def detection(row: Row) -> float:
    """The sum of the four detection losses of a row."""
    return math.fsum(row["losses"][name] for name in DETECTION_LOSSES)


def draw_board(
    title: str, config: Config, rows: Sequence[Row], ap: Points, band: Band, sittings: Sequence[int] = (),
    videos: int | None = None,
) -> Figure:  # fmt: skip
    """Four panels over the steps: detection loss, contrast against chance, both schedules, AP on held-out videos.

    sittings: steps at which the training began or was resumed; those above 0 get a dotted line.
    videos: how many the AP was measured on.
    """
    total = config.train.iterations or max([1, *(row["iteration"] for row in rows)])
    ap = [(step, value) for step, value in ap if math.isfinite(value)]  # NaN: nothing there to be found
    figure, (top, contrast, schedules, score) = new_figure(9.5, 5.4, 2, 2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    times = [row["iteration"] for row in rows]
    losses = [detection(row) for row in rows]
    _band(top, band, "detection", times)
    top.plot(times, losses, ".-", color=BLUE, linewidth=2)
    heading(top, _finding("Detection loss", losses, times, band, "detection"))
    _contrast(contrast, times, rows, band)
    _schedules(schedules, config, total, times[-1] if times else 0)
    score.plot(*zip(*ap, strict=True), "o-", color=GREEN, linewidth=2) if ap else None
    for step, value in ap:
        score.annotate(f"{value:.2f}", (step, value), xytext=(0, 7), textcoords="offset points", ha="center",
                       fontsize=9, color=INK)  # fmt: skip
    score.set_ylim(0, max([_AP_TOP, *(1.45 * value for _, value in ap)]))
    where = f"{videos} held-out video{'s' * (videos != 1)}" if videos else "held-out videos"
    heading(score, f"AP50 {ap[-1][1]:.2f} on {where}" if ap else f"AP50 on {where}: not measured yet")
    _scale(top, [*losses, *band.high.get("detection", ())])
    chances = [row["contrast_chance"] or 0.0 for row in rows]
    _scale(contrast, [*(row["losses"]["contrast"] for row in rows), *chances, *band.high.get("contrast", ())], 1.5)
    if band.ap:
        ends = f"{band.ap[0]:.2f} to {band.ap[1]:.2f} (not comparable)"
        note = f"{band.runs} measured runs at their end, on other\nvideos: {ends}"
        score.text(0.01, 0.97, note, transform=score.transAxes, fontsize=9, color=GREY, va="top")
    for panel in (top, contrast, schedules, score):
        panel.set_xlim(0, total)
        quiet(panel)
        for start in sittings:
            if start > 0:
                panel.axvline(start, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    for panel in (schedules, score):
        panel.set_xlabel("step" + ("   (dotted: resumed)" if any(sittings) else ""), fontsize=9, color=GREY)
    return figure


def _scale(axes: Axes, values: Sequence[float], room: float = 1.25) -> None:
    """From zero to `room` times the highest finite value: there stands a note."""
    axes.set_ylim(0, room * max([0.1, *(float(value) for value in values if math.isfinite(value))]))


def _band(axes: Axes, band: Band, name: str, times: Sequence[int] = ()) -> None:
    if band.runs:
        axes.fill_between(band.iterations, band.low[name], band.high[name], color=SKY, alpha=0.3, linewidth=0)
        note = f"band: {band.runs} measured runs, other seeds"
        known = band.inside(name, times, [0.0] * len(times))[1]
        if known:
            note += f"\nto expect: about {band.share * known:.0f} of {known} rows inside"
    else:
        note = "no measured band"
    axes.text(0.99, 0.97, note, transform=axes.transAxes, fontsize=9, color=GREY, va="top", ha="right")


def _finding(what: str, values: Sequence[float], times: Sequence[int], band: Band, name: str) -> str:
    if not values:
        return f"{what}: no row yet"
    hits, known = band.inside(name, times, values)
    return f"{what} {values[-1]:.2f}" + (f": {hits} of {known} rows in the band" if known else "")


def _contrast(axes: Axes, times: Sequence[int], rows: Sequence[Row], band: Band) -> None:
    values = [row["losses"]["contrast"] for row in rows]
    _band(axes, band, "contrast", times)
    axes.plot(times, values, ".-", color=VERMILLION, linewidth=2)
    chance = [(row["iteration"], row["contrast_chance"]) for row in rows if row["contrast_chance"] is not None]
    if chance:
        axes.plot(*zip(*chance, strict=True), color=INK, linewidth=1, linestyle=(0, (5, 3)))
        axes.annotate("chance", chance[-1], xytext=(4, -3), textcoords="offset points", fontsize=9, color=INK)
    heading(axes, _finding("Contrast", values, times, band, "contrast"))


def _schedules(axes: Axes, config: Config, total: int, now: int) -> None:
    """Both schedules as shares of their largest value: pale where they are still to come."""
    weight = contrast_schedule(config.train.contrast, total)
    curves = (
        ([learning_rate(config.train, step, total) for step in range(total)], "learning rate", BLUE),
        ([weight(step / total) for step in range(total)], "contrast weight", VERMILLION),
    )
    labels = []
    for values, name, colour in curves:
        top = max(values)
        shares = [value / top if top else 0.0 for value in values]
        axes.plot(shares, color=colour, linewidth=1.2, alpha=0.35)
        axes.plot(shares[:now], color=colour, linewidth=2.2)
        labels.append(f"{name} {values[max(now - 1, 0)]:.2g} (top {top:.2g})")
    axes.set_ylim(0, 1.45)
    for text, y, (_, _, colour) in zip(labels, (1.34, 1.18), curves, strict=True):
        axes.text(0.02 * total, y, text, fontsize=9, color=colour, va="center")
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("share of the top", fontsize=9, color=GREY)
    heading(axes, f"Schedules: {now} of {total} steps done")


def draw_two(
    first: tuple[str, Sequence[Row], Points],
    second: tuple[str, Sequence[Row], Points],
    band: Band,
    videos: int | None = None,
) -> Figure:
    """Two runs on one scale: the detection loss and the AP. Each is (name, rows, AP points).

    videos: how many the AP was measured on.
    """
    figure, (left, right) = new_figure(9.5, 3.7, 1, 2)
    colours, ends, finals = (BLUE, VERMILLION), [], []
    _band(left, band, "detection")
    for (name, rows, ap), colour in zip((first, second), colours, strict=True):
        times, losses = [row["iteration"] for row in rows], [detection(row) for row in rows]
        left.plot(times, losses, color=colour, linewidth=1.8)
        ends.append((times[-1], losses[-1], name, colour))
        if ap:
            right.plot(*zip(*ap, strict=True), "o-", color=colour, linewidth=1.8, label=name)
            finals += [ap[-1][1]] if math.isfinite(ap[-1][1]) else []
    _scale(left, [detection(row) for _, rows, _ in (first, second) for row in rows])
    places = spread([end[1] for end in ends], 0.08 * left.get_ylim()[1])
    for (x, _, name, colour), y in zip(ends, places, strict=True):
        left.annotate(name, (x, y), xytext=(5, 0), textcoords="offset points", fontsize=9, color=colour, va="center",
                      annotation_clip=False)  # fmt: skip
    gap = abs(ends[1][1] - ends[0][1])
    spread_here = _width(band, ends[0][0])
    beside = "" if spread_here is None else f", the band is {spread_here:.2f} wide"
    heading(left, f"The two losses lie {gap:.2f} apart{beside}")
    left.set_xlim(0, max(end[0] for end in ends) * 1.02)
    right.set_xlim(left.get_xlim())
    where = f" on {videos} video{'s' * (videos != 1)}" if videos else ""
    both = f"AP50{where}, one seed: {finals[0]:.2f} and {finals[1]:.2f}" if len(finals) == 2 else "AP50: not measured"
    heading(right, both)
    if finals:
        right.legend(frameon=False, fontsize=9, loc="upper left")
    right.set_ylim(0, max([_AP_TOP, *(1.4 * value for value in finals)]))
    if band.ap:
        note = f"seeds alone, at their end, on other\nvideos: {band.ap[0]:.2f} to {band.ap[1]:.2f}"
        right.text(0.99, 0.97, note, transform=right.transAxes, fontsize=9, color=GREY, va="top", ha="right")
    for panel in (left, right):
        quiet(panel)
        panel.set_xlabel("step", fontsize=9, color=GREY)
    return figure


def ap_gap(first: Points, second: Points, band: Band) -> str:
    """How far the last AP of two runs lies apart, beside how far runs that differ in their seed alone do.

    Of two runs that were last measured at different steps, or found no AP (NaN), it says so and compares nothing.
    """
    if not first or not second or not all(math.isfinite(points[-1][1]) for points in (first, second)):
        return "AP50 was not measured in both runs."
    steps = first[-1][0], second[-1][0]
    if steps[0] != steps[1]:
        return f"AP50 was last measured after {steps[0]} and after {steps[1]} steps: the two runs cannot be compared."
    gap = abs(round(second[-1][1], 2) - round(first[-1][1], 2))  # as the figure rounds them
    text = f"AP50 of the two runs lies {gap:.2f} apart, one seed each."
    if band.ap is None:
        return f"{text} How far seeds alone lie apart was not measured."
    low, high = band.ap
    size = "less than" if gap < high - low else "no less than"
    return (
        f"{text}\nThat is {size} the {high - low:.2f} between the lowest and the highest of {band.runs} measured runs"
        f" of one method\nthat differ in their seed alone (at their end, on other videos: {low:.2f} to {high:.2f})."
    )


def _width(band: Band, step: int) -> float | None:
    """How far apart the lowest and the highest measured detection loss are at a step; None where nothing is known."""
    place = [k for k, known in enumerate(band.iterations) if int(known) == step]
    return float(band.high["detection"][place[0]] - band.low["detection"][place[0]]) if place else None
