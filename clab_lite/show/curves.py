"""Loss curves, with the weight of the contrastive loss drawn under them on the same time axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.show.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    VERMILLION,
    heading,
    new_figure,
    quiet,
    spread,
)

_LOSSES = {
    "box_class": ("class of the box", BLUE),
    "box_regression": ("corners of the box", GREEN),
    "rpn_objectness": ("object or not", ORANGE),
    "rpn_box": ("corners of proposals", PURPLE),
}

Row = Mapping[str, Any]


def loss_curves(rows: Sequence[Row]) -> Figure:
    """Three panels over iterations: detection losses, contrast against chance, and the contrast's weight.

    rows: rows of `log.jsonl` (see `clab_lite.train`). An empty log gives an empty, labelled figure.

    Raises:
        DataError: a row lacks what is drawn, such as one of a pre-training.
    """
    _require_entries(rows)
    figure, (top, middle, bottom) = new_figure(9.5, 6.6, 3, 1, sharex=True, height_ratios=[2.2, 1.6, 0.9])
    times = [row["iteration"] for row in rows]
    _detection(top, times, rows)
    _contrast(middle, times, rows)
    _weight(bottom, times, rows)
    for axes in (top, middle, bottom):
        quiet(axes)
    for axes in (top, middle):
        axes.tick_params(bottom=False)
    bottom.set_xlabel("iteration", color=GREY, fontsize=10)
    if times:
        bottom.set_xlim(0, max(times))
    zero = weight_zero(rows)
    for axes in (top, middle, bottom):
        if zero is None:
            break
        axes.axvline(zero, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
    return figure


def _require_entries(rows: Sequence[Row]) -> None:
    for number, row in enumerate(rows, start=1):
        lacking = [name for name in (*_LOSSES, "contrast") if name not in row.get("losses", {})]
        lacking += [name for name in ("iteration", "contrast_weight", "contrast_chance") if name not in row]
        if lacking:
            problem = f"has no {lacking[0]}, which these curves show"
            raise DataError(f"Row {number} of the log {problem}. Give the rows of a log that `clab-lite train` wrote.")


def weight_zero(rows: Sequence[Row]) -> int | None:
    """The last logged iteration whose contrast still counted, when its weight came down to zero; None when not."""
    last = None
    for row in rows:
        if row["contrast_weight"] > 0:
            last = int(row["iteration"])
        elif last is not None:
            return last
    return None


def finding_detection(rows: Sequence[Row]) -> str:
    """The title of the first panel: what the detection losses did."""
    totals = [sum(row["losses"][name] for name in _LOSSES) for row in rows]
    if len(totals) < 2:
        return "Detection losses: too few rows to see a course"
    first, last = totals[0], totals[-1]
    verb = "fell" if last < 0.97 * first else "rose" if last > 1.03 * first else "stayed"
    if verb == "stayed":
        return f"The four detection losses together stayed near {last:.2f}"
    return f"The four detection losses together {verb} from {first:.2f} to {last:.2f}"


def finding_contrast(rows: Sequence[Row]) -> str:
    """The title of the second panel: where the contrast went, against chance."""
    known = [row for row in rows if row["contrast_chance"] is not None]
    active = [row for row in known if row["contrast_weight"] > 0]
    if not active:
        return "Contrastive loss: its weight was zero all the time"
    lowest = min(row["losses"]["contrast"] for row in active)
    end, chance = known[-1]["losses"]["contrast"], known[-1]["contrast_chance"]
    if lowest > 0.95 * chance:
        return f"The contrastive loss stayed at chance ({chance:.2f}): clips were not told apart"
    first = active[0]["losses"]["contrast"]
    course = f"went from {first:.2f} to {lowest:.2f} at best, {end:.2f} at the end"
    return f"The contrastive loss {course} (chance {chance:.2f})"


def _detection(axes: Axes, times: Sequence[int], rows: Sequence[Row]) -> None:
    heading(axes, finding_detection(rows))
    axes.set_ylabel("loss", color=GREY, fontsize=10)
    highest = 0.0
    for name, (_, colour) in _LOSSES.items():
        values = [row["losses"][name] for row in rows]
        axes.plot(times, values, color=colour, linewidth=1.6)
        highest = max([highest, *(value for value in values if math.isfinite(value))])
    axes.set_ylim(0, max(highest * 1.05, 1e-3))
    if not rows:
        return
    ends = [rows[-1]["losses"][name] for name in _LOSSES]
    for (label, colour), place in zip(_LOSSES.values(), spread(ends, 0.085 * axes.get_ylim()[1]), strict=True):
        _label(axes, times[-1], place, label, colour)


def _contrast(axes: Axes, times: Sequence[int], rows: Sequence[Row]) -> None:
    heading(axes, finding_contrast(rows))
    axes.set_ylabel("NT-Xent", color=GREY, fontsize=10)
    values = [row["losses"]["contrast"] for row in rows]
    axes.plot(times, values, color=VERMILLION, linewidth=1.6)
    chance = [(row["iteration"], row["contrast_chance"]) for row in rows if row["contrast_chance"] is not None]
    axes.set_ylim(0, max([1e-3, *values, *(value for _, value in chance)]) * 1.12)
    if not rows:
        return
    ends = [values[-1]]
    if chance:
        axes.plot(*zip(*chance, strict=True), color=INK, linewidth=1.0, linestyle=(0, (5, 3)))
        ends.append(chance[-1][1])
    places = spread(ends, 0.13 * axes.get_ylim()[1])
    _label(axes, times[-1], places[0], "contrast", VERMILLION)
    if chance:
        _label(axes, times[-1], places[1], "chance: log(candidates)", INK)


def _weight(axes: Axes, times: Sequence[int], rows: Sequence[Row]) -> None:
    zero = weight_zero(rows)
    weights = [row["contrast_weight"] for row in rows]
    if zero is not None:
        heading(axes, f"The weight of the contrast reached zero after iteration {zero}")
    elif any(weights):
        heading(axes, f"The weight of the contrast was {weights[0]:.3g} at first and {weights[-1]:.3g} at the end")
    else:
        heading(axes, "The weight of the contrast was zero")
    axes.fill_between(times, weights, color=VERMILLION, alpha=0.25, linewidth=0)
    axes.plot(times, weights, color=VERMILLION, linewidth=1.4)
    axes.set_ylim(0, max([1e-6, *weights]) * 1.15)
    axes.set_ylabel("weight", color=GREY, fontsize=10)
    axes.locator_params(axis="y", nbins=3)
    axes.spines["bottom"].set_color(PALE)


def _label(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=colour,
        annotation_clip=False,
    )
