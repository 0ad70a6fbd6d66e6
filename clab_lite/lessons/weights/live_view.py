"""Pictures of a live training: two clouds and three curves for each snapshot, and several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.lessons.weights.live_run import LiveRun, own_groups
from clab_lite.lessons.weights.shares import number, percent
from clab_lite.show.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    PALE,
    VERMILLION,
    PlainFigure,
    class_style,
    heading,
    new_figure,
    quiet,
)

_PLACES = (
    (0.012, 0.385, 0.48, 0.525), (0.508, 0.385, 0.48, 0.525),
    (0.065, 0.085, 0.25, 0.165), (0.395, 0.085, 0.25, 0.165), (0.735, 0.085, 0.25, 0.165),
)  # fmt: skip
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (5, 1, 1, 1)))
"""Of the runs side by side: lines that lie on each other stay visible."""


def snapshot_figure(run: LiveRun, position: int, learned: bool = False) -> tuple[Figure, str]:
    """Snapshot `position` of a run, and one line of numbers. learned: show the videos that were trained on."""
    snap, cached = run.snapshots[position], run.learn if learned else run.held_out
    figure = PlainFigure(figsize=(9.5, 5.9), facecolor="white")
    left, right, *curves = (figure.add_axes(place) for place in _PLACES)
    suffix = "_learn" if learned else ""
    objects, embedded = (_flat(run, name + suffix)[position] for name in ("objects", "embedded"))
    named, label = (snap.named_learn if learned else snap.named), cached.label.numpy()
    thing, groups = ("frames", "a video") if run.setting.level == "frame" else ("objects", "an object")
    whose = "videos trained on" if learned else "held-out videos"
    _cloud(left, objects, label, f"What detection uses: {(named == label).mean():.0%} of classes named right",
           f"objects of {whose}, C4 in the box, coloured by class")  # fmt: skip
    purity = snap.scores.own_knn_learn if learned else snap.scores.own_knn
    _cloud(right, embedded, own_groups(run, cached), f"What the branch compares: {purity:.0%} of neighbours fit",
           f"{thing} of {whose}; colour and shape: {groups}, no class")  # fmt: skip
    for place, name in enumerate(cached.class_names):
        colour, marker = class_style(place)
        left.scatter([], [], color=colour, marker=marker, s=22, label=name.replace("_", " "))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=6, frameon=False, fontsize=9,
                handletextpad=0.0, columnspacing=0.6)  # fmt: skip
    _curves(curves, run, position)
    return figure, line(run, position)


def line(run: LiveRun, position: int) -> str:
    """The numbers of a snapshot, in one line."""
    snap = run.snapshots[position]
    seen, scores = snap.measured, snap.scores
    own = "frames by video" if run.setting.level == "frame" else "objects by track"
    return (
        f"Step {seen.step} of {run.setting.steps}, w = {number(seen.weight)}, τ = {number(run.setting.temperature)}:"
        f" share of the gradient at C4 {percent(seen.share)}, cosine {seen.cosine:.2f}. Held out: class accuracy"
        f" {scores.accuracy:.2f}, kNN purity of objects by class {scores.object_knn:.2f}; branch: kNN purity of {own}"
        f" {scores.own_knn:.2f} ({scores.own_knn_learn:.2f} on videos trained on), alignment {scores.alignment:.2f},"
        f" uniformity {scores.uniformity:.2f}."
    )


def compare_figure(runs: Sequence[LiveRun]) -> Figure:
    """Held-out class accuracy, spread of the embeddings and share of several runs over their steps."""
    figure, axes = new_figure(9.5, 3.6, 1, 3)
    names = ("accuracy", "uniformity", "share")
    titles = ("class accuracy, held out", "uniformity of embeddings", "share of the gradient")
    for panel, name, title in zip(axes, names, titles, strict=True):
        for place, run in enumerate(runs):
            label = f"w = {number(run.setting.weight)}"
            panel.plot(
                run.column("step"),
                run.column(name),
                MARKERS[place % len(MARKERS)],
                color=class_style(place)[0],
                linestyle=_DASHES[place % len(_DASHES)],
                markersize=4,
                linewidth=1.6,
                label=label,
            )
        panel.set_title(title, loc="left", fontsize=10, color=INK)
        panel.set_xlabel("step", fontsize=9, color=GREY)
        quiet(panel)
    axes[0].set_ylim(0, 1)
    axes[2].set_ylim(-0.03, 1.03)
    figure.suptitle(compare_title(runs), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    return figure


def compare_title(runs: Sequence[LiveRun]) -> str:
    """With which held-out class accuracy each run ended. Single runs: none is called the best."""
    last = [f"{run.column('accuracy')[-1]:.2f} (w = {number(run.setting.weight)})" for run in runs]
    return f"Class accuracy at the last step: {', '.join(last)}; one run each"


def _flat(run: LiveRun, name: str) -> list[NDArray[np.float64]]:
    """Two-dimensional maps of all snapshots on the same axes, so that points move and the view does not.

    The two directions of largest variance of the unit vectors of all snapshots together.
    """
    every = [np.asarray(getattr(snap, name), np.float64) for snap in run.snapshots]
    directions = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in every]
    together = np.concatenate(directions)
    middle = together.mean(axis=0)
    _, axes = np.linalg.eigh((together - middle).T @ (together - middle))
    chosen = axes[:, [-1, -2]]
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), [0, 1]])
    flat = [(rows - middle) @ chosen for rows in directions]
    largest = max(float(np.abs(points).max()) for points in flat) or 1.0
    return [points / largest for points in flat]


def _cloud(axes: Axes, points: NDArray[np.float64], groups: NDArray[np.int64], title: str, note: str) -> None:
    for place, group in enumerate(np.unique(groups)):
        colour, marker = class_style(place)
        axes.scatter(
            points[groups == group, 0],
            points[groups == group, 1],
            s=18,
            color=colour,
            marker=marker,
            alpha=0.75,
            linewidths=0,
        )
    axes.set(xlim=(-1.06, 1.06), ylim=(-1.06, 1.06), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(PALE)
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold", pad=20)
    axes.text(0, 1.012, note, transform=axes.transAxes, fontsize=9, color=GREY, va="bottom")


def _curves(axes: Sequence[Axes], run: LiveRun, position: int) -> None:
    """Class loss, contrast against chance, share; a line at the snapshot that is shown."""
    steps = run.column("step")
    last = max(run.setting.steps, 1)
    for panel, (name, colour, title) in zip(
        axes,
        (
            ("class_loss", BLUE, "class loss"),
            ("contrast", GREEN, "contrastive loss"),
            ("share", ORANGE, "contrast's share"),
        ),
        strict=True,
    ):
        values = run.column(name)
        panel.plot(steps, values, color=colour, linewidth=1.8)
        panel.axvline(steps[position], color=VERMILLION, linewidth=1)
        panel.set_xlim(0, last)
        heading(panel, f"{title} {percent(values[position]) if name == 'share' else f'{values[position]:.2f}'}")
        panel.set_ylim(0, 1.02 if name == "share" else 1.15 * max(float(values.max()), 0.1))
        quiet(panel)
    axes[1].plot(steps, run.column("chance"), color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    axes[1].text(last, float(run.column("chance")[0]), "chance", fontsize=9, color=GREY, ha="right", va="bottom")
    axes[1].set_ylim(0, 1.3 * max(float(run.column("chance").max()), float(run.column("contrast").max())))
    for panel in axes:
        panel.set_xlabel("step", fontsize=9, color=GREY, labelpad=1)
