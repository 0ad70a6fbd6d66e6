"""The five boxes as pictures: the frame, the curve step by step, and both areas side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clab_lite.lessons.evaluation.five_boxes import (
    FRAME,
    FiveBoxes,
    at_101_recalls,
    envelope_at,
    every_change,
    precision_and_recall,
    rank_and_match,
)
from clab_lite.metrics.average_precision import RECALL_POINTS
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

_PAPER = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
"""Behind labels: lines of other boxes do not cross them."""


def draw_frame(example: FiveBoxes, threshold: float = 0.5) -> Figure:
    """The frame with its four dogs, and the five detections: solid blue where right, dashed where wrong."""
    ranked = rank_and_match(example, threshold)
    figure, (axes,) = new_figure(7.2, 4.4)
    frame_axes(axes, example, ranked)
    hits, dogs = int(ranked["hit"].sum()), len(example.truth)
    heading(axes, f"{len(ranked)} detections, {hits} right: {hits} of {dogs} dogs found at IoU {threshold:.2f}")
    return figure


def frame_axes(axes: Axes, example: FiveBoxes, ranked: pd.DataFrame) -> None:
    """The same on given axes. ranked: as from `rank_and_match`."""
    axes.set(xlim=(0, FRAME[0]), ylim=(FRAME[1], 0), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_color(PALE)
    for number, box in enumerate(example.truth, start=1):
        axes.add_patch(_rectangle(box, GREEN, "-", 1.2, fill="#e2f3ec"))
        x, y = ((box[:2] + box[2:]) / 2).tolist()
        axes.text(x, y, f"dog {number}", ha="center", va="center", fontsize=9, color=GREEN)
    for _, row in ranked.iterrows():
        box = example.boxes[example.names.index(row["detection"])]
        colour, style = (BLUE, "-") if row["hit"] else (VERMILLION, "--")
        axes.add_patch(_rectangle(box, colour, style, 2.0))
        text = f"{row['detection']} {row['score']:.2f}"
        y, place = (box[1] + 1, "top") if row["hit"] else (box[3] - 1, "bottom")
        axes.text(box[0] + 1, y, text, va=place, fontsize=9, color=colour, fontweight="bold", bbox=_PAPER)


def draw_steps(example: FiveBoxes, threshold: float = 0.5) -> Figure:
    """Three panels: precision against recall as the ranks come, the envelope, and what each protocol reads from it."""
    table = precision_and_recall(rank_and_match(example, threshold), len(example.truth))
    figure, axes = new_figure(9.5, 3.6, 1, 3, sharey=True, width_ratios=(11, 9, 11))
    steps: tuple[Callable[[Axes, pd.DataFrame], None], ...] = (raw_axes, envelope_axes, area_axes)
    for panel, draw in zip(axes, steps, strict=True):
        draw(panel, table)
        panel.set_xlabel("recall", fontsize=9, color=GREY)
        panel.set(xlim=(-0.02, 1.04), ylim=(0, 1.08))
        quiet(panel)
    axes[0].set_ylabel("precision", fontsize=9, color=GREY)
    return figure


def raw_axes(axes: Axes, table: pd.DataFrame) -> None:
    """Rank after rank: a hit moves right, a miss moves down."""
    axes.plot(table["recall"], table["precision"], color=GREY, linewidth=1.0, zorder=2)
    colours = [BLUE if hit else VERMILLION for hit in table["hit"]]
    axes.scatter(table["recall"], table["precision"], c=colours, s=36, zorder=3)
    for name, group in table.groupby(["recall", "precision"], sort=False)["detection"]:
        axes.annotate("".join(group), name, xytext=(5, 5), textcoords="offset points", fontsize=10, color=INK)
    moves = (("moves right", "move right", table[table["hit"]]), ("falls", "fall", table[~table["hit"]]))
    texts = [
        f"{', '.join(rows['detection'])} {one if len(rows) == 1 else many}" for one, many, rows in moves if len(rows)
    ]
    heading(axes, f"Step 3: {'; '.join(texts)}")


def envelope_axes(axes: Axes, table: pd.DataFrame) -> None:
    """The best precision that can still be had at this recall or a larger one."""
    axes.plot(table["recall"], table["precision"], color=PALE, linewidth=1.2, zorder=1)
    recalls, height = _stairs(table)
    axes.plot(recalls, height, color=BLUE, linewidth=2.2, zorder=3)
    raised = table[(table["envelope"] > table["precision"] + 1e-12) & table["hit"]]
    for _, row in raised.iterrows():
        arrow = {"arrowstyle": "->", "color": ORANGE, "linewidth": 1.5}
        axes.annotate("", (row["recall"], row["envelope"]), (row["recall"], row["precision"]), arrowprops=arrow)
    heading(axes, f"Step 4: the envelope lifts {', '.join(raised['detection']) or 'no hit'}")


def area_axes(axes: Axes, table: pd.DataFrame) -> None:
    """VOC takes the whole area, COCO the mean of 101 heights."""
    recalls, height = _stairs(table)
    axes.fill_between(recalls, height, color="#dcecf6", zorder=1)
    values = envelope_at(table, RECALL_POINTS)
    axes.vlines(RECALL_POINTS, 0, values, color=BLUE, linewidth=0.5, zorder=2)
    axes.scatter(RECALL_POINTS, values, s=5, color=ORANGE, linewidths=0, zorder=3)
    heading(axes, f"Step 5: area {every_change(table):.4f},\nmean of 101 heights {at_101_recalls(table):.4f}")


def explore_boxes(example: FiveBoxes) -> Callable[..., tuple[Figure, str]]:
    """For `lessons.explore`: draw(detection=..., score=..., threshold=...) -> the figure, and both APs in words."""

    def draw(detection: str, score: float, threshold: float) -> tuple[Figure, str]:
        changed = example.with_score(detection, score)
        ranked = rank_and_match(changed, threshold)
        table = precision_and_recall(ranked, len(changed.truth))
        figure, (left, right) = new_figure(9.5, 3.7, 1, 2, width_ratios=(5, 4))
        frame_axes(left, changed, ranked)
        heading(left, f"{int(ranked['hit'].sum())} of {len(changed.truth)} dogs found at IoU {threshold:.2f}")
        area_axes(right, table)
        voc, coco = every_change(table), at_101_recalls(table)
        heading(right, f"AP: COCO {coco:.3f}, VOC {voc:.3f}")
        right.set(xlim=(-0.02, 1.04), ylim=(0, 1.08), xlabel="recall", ylabel="precision")
        quiet(right)
        order = " > ".join(f"{row['detection']}{'' if row['hit'] else ' (wrong)'}" for _, row in ranked.iterrows())
        words = f"ranking {order}; COCO, 101 recalls: {coco:.4f}; VOC and MEGA, every change: {voc:.4f}"
        return figure, f"{words}; difference {coco - voc:+.4f}"

    return draw


def _stairs(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Corners of the envelope from recall 0 to the largest recall, and down to 0."""
    recalls, heights, before = [0.0], [float(table["envelope"].iloc[0])], 0.0
    for recall, height in table.groupby("recall")["envelope"].max().items():
        if recall > 0:
            recalls += [before, float(recall)]
            heights += [float(height)] * 2
            before = float(recall)
    return [*recalls, before], [*heights, 0.0]


def _rectangle(box: np.ndarray, colour: str, style: str, width: float, fill: str = "none") -> Rectangle:
    x1, y1, x2, y2 = box.tolist()
    return Rectangle((x1, y1), x2 - x1, y2 - y1, edgecolor=colour, facecolor=fill, linestyle=style, linewidth=width)
