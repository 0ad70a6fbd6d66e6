"""Pictures of a descent: the circle at one step, and the curves up to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.contrast.circle import caption, draw_clips
from clab_lite.lessons.contrast.flow import Flow
from clab_lite.show.style import GREEN, GREY, INK, PURPLE, VERMILLION, PlainFigure, heading, new_figure, quiet


def draw_flow(flow: Flow, step: int) -> tuple[Figure, str]:
    """The points after `step` steps (0 to flow.steps), beside loss, alignment and uniformity over all steps."""
    figure = PlainFigure(figsize=(9.2, 4.3), layout="constrained", facecolor="white")
    places = figure.subplot_mosaic([["circle", "loss"], ["circle", "quality"]], width_ratios=(1, 1.15))
    draw_clips(places["circle"], flow.angles[step], flow.labels)
    heading(places["circle"], f"Step {step}: {finding(flow, step)}")
    _loss_curve(places["loss"], flow, step)
    _quality_curves(places["quality"], flow, step)
    return figure, flow_numbers(flow, step)


def draw_story(flow: Flow, steps: Sequence[int]) -> Figure:
    """The circle at three steps in a row, and below it loss, alignment and uniformity over all steps, once."""
    figure = PlainFigure(figsize=(9.2, 5.6), layout="constrained", facecolor="white")
    places = figure.subplot_mosaic([[0, 0, 1, 1, 2, 2], [3, 3, 3, 4, 4, 4]], height_ratios=(1.45, 1))
    for place, step in enumerate(steps):
        draw_clips(places[place], flow.angles[step], flow.labels)
        heading(places[place], f"Step {step}: {finding(flow, step)}")
    _loss_curve(places[3], flow, flow.steps)
    _quality_curves(places[4], flow, flow.steps)
    for curve in (places[3], places[4]):
        curve.set_xlabel("step (dotted: the circles above)", fontsize=10, color=INK)
        for step in steps:
            curve.axvline(step, color=GREY, linewidth=1, linestyle=":")
    places[4].set_title(
        f"Alignment {flow.alignment[0]:.2f} → {flow.alignment[-1]:.2f}, uniformity {_plain(flow.uniformity[0])} → "
        f"{_plain(flow.uniformity[-1])}", loc="left", fontsize=10, color=INK, fontweight="bold", pad=8,
    )  # fmt: skip
    return figure


def draw_flows(flows: dict[str, Flow], step: int) -> tuple[Figure, str]:
    """Circles of several descents side by side at the same step; the names stand over them."""
    figure, axes = new_figure(9.2, 5.0, columns=len(flows))
    for place, (name, flow) in zip(axes, flows.items(), strict=True):
        draw_clips(place, flow.angles[step], flow.labels)
        heading(place, f"{name}, step {step}:\n{finding(flow, step)}")
        caption(place, flow_numbers(flow, step).split(" · "))
    return figure, " | ".join(f"{name}: {flow_numbers(flow, step)}" for name, flow in flows.items())


def finding(flow: Flow, step: int) -> str:
    """A few words, read off the points."""
    inside, between = flow.widest_clip(step), flow.nearest_clips(step)
    everything = float(np.max(np.abs(flow.points(step) - flow.points(step)[:1])))
    if everything < 0.35:
        return "everything points one way"
    if inside < 30 and between > 30:
        return f"clips apart, {between:.0f}° or more"
    if inside < 30:
        return f"clips are tight, two only {between:.0f}° apart"
    return f"a clip spans up to {inside:.0f}°"


def flow_numbers(flow: Flow, step: int) -> str:
    """Loss against chance, alignment and uniformity, on one line."""
    loss = f"loss {abs(flow.losses[step]):.3f}"  # pull alone may end at -1e-17
    loss += f" (chance {flow.chance:.3f})" if flow.negatives else " (pull alone)"
    return f"{loss} · alignment {flow.alignment[step]:.3f} · uniformity {_plain(flow.uniformity[step])}"


def _plain(value: float) -> str:
    """Two digits, without the sign of -0.00."""
    return f"{round(value, 2) + 0.0:.2f}"


def _loss_curve(axes: Axes, flow: Flow, step: int) -> None:
    quiet(axes)
    axes.plot(flow.losses, color=VERMILLION, linewidth=1.8)
    axes.plot(step, flow.losses[step], "o", color=VERMILLION, markersize=8, clip_on=False, zorder=4)
    if flow.negatives:
        axes.axhline(flow.chance, color=GREY, linestyle="--", linewidth=1)
        axes.text(
            flow.steps, flow.chance, f"chance {flow.chance:.2f}", ha="right", va="bottom", fontsize=9.5, color=GREY
        )
    axes.set_xlim(0, flow.steps)
    axes.set_ylim(0, 1.1 * max(flow.chance * flow.negatives, float(flow.losses.max()), 1e-3))
    heading(axes, f"Loss {abs(flow.losses[step]):.2f}, from {flow.losses[0]:.2f}")


def _quality_curves(axes: Axes, flow: Flow, step: int) -> None:
    quiet(axes)
    curves = (
        ("alignment", GREEN, flow.alignment),
        ("uniformity", PURPLE, flow.uniformity),
    )
    for name, colour, values in curves:
        axes.plot(values, color=colour, linewidth=1.8)
        axes.plot(step, values[step], "o", color=colour, markersize=8, clip_on=False, zorder=4)
        axes.text(flow.steps * 1.02, values[-1], name, color=colour, fontsize=10, va="center")
    axes.set_xlim(0, flow.steps)
    axes.set_xlabel("step", fontsize=10, color=INK)
    heading(axes, f"Alignment {curves[0][2][step]:.2f}, uniformity {_plain(curves[1][2][step])} (lower is better)")
