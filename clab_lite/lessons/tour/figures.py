"""The pictures of lesson 00: a frame with its boxes, a threshold with what it costs, the table of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport, Scores
from clab_lite.lessons.tour.judged import JudgedVideos
from clab_lite.show.frames import draw_box, draw_detections, draw_pixels, judge
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, VERMILLION, heading, new_figure, quiet


def draw_frame(judged: JudgedVideos, video: int, frame: int, threshold: float = 0.3) -> tuple[Figure, str]:
    """One frame twice, annotated and detected, and a line that says what troubles it."""
    index = judged.index
    title = f"frame {frame}"
    figure = draw_detections(
        index.load_image(video, frame),
        judged.result(video, frame),
        index.annotation(video, frame),
        index.class_names,
        least_score=threshold,
        title=title,
    )
    troubles = index.troubles(video, frame)
    return figure, f"{title}: {', '.join(troubles).replace('_', ' ') or 'no trouble'}"


def draw_threshold(judged: JudgedVideos, video: int, frame: int, threshold: float) -> tuple[Figure, str]:
    """The boxes of one frame that a threshold leaves, and precision and recall of all frames at every threshold."""
    counts = judged.counts(threshold)
    figure, (left, right) = new_figure(9.5, 3.9, 1, 2, width_ratios=[1.25, 1])
    _draw_kept(left, judged, video, frame, threshold)
    levels, precision, recall = judged.curves
    right.plot(levels, precision, color=BLUE, linewidth=2, label="precision")
    right.plot(levels, recall, "--", color=ORANGE, linewidth=2, label="recall")
    right.axvline(threshold, color=INK, linewidth=1)
    right.plot([threshold], [counts.precision], "o", color=BLUE, clip_on=False)
    right.plot([threshold], [counts.recall], "o", color=ORANGE, clip_on=False)
    right.set(xlim=(0, 1), ylim=(0, 1.02))
    right.set_xlabel("score threshold", fontsize=10, color=GREY)
    right.legend(frameon=False, fontsize=10, loc="lower center")
    quiet(right)
    heading(right, f"At {threshold:.2f}: precision {counts.precision:.0%}, recall {counts.recall:.0%}")
    kept = counts.right + counts.wrong
    return figure, (
        f"{kept} boxes in {len(judged.found)} frames: {counts.right} right, {counts.wrong} wrong; "
        f"{counts.missed} of {judged.objects} objects missed"
    )


def _draw_kept(axes: Axes, judged: JudgedVideos, video: int, frame: int, threshold: float) -> None:
    """The frame, the boxes that stay, and the objects that nobody found, dotted."""
    index, result = judged.index, judged.result(video, frame)
    truth = index.annotation(video, frame)
    keep = result["scores"] >= threshold
    kept = {name: values[keep] for name, values in result.items()}
    right, missed = judge(kept, truth)
    draw_pixels(axes, np.asarray(index.load_image(video, frame)).transpose(1, 2, 0))
    for box, label in zip(truth.boxes[missed], truth.labels[missed], strict=True):
        draw_box(axes, box, f"{index.class_names[int(label)]} (missed)", GREEN, dashed=True)
    for i in reversed(range(len(right))):  # the best last: its tag lies on top
        name = f"{index.class_names[int(kept['labels'][i])]} {kept['scores'][i]:.2f}"
        draw_box(axes, kept["boxes"][i], name, BLUE if right[i] else VERMILLION, dashed=not right[i])
    boxes = "1 box stays" if len(right) == 1 else f"{len(right)} boxes stay"
    heading(axes, f"Frame {frame}: {boxes}, {int(right.sum())} of them right")


def draw_area(report: EvaluationReport, class_name: str | None = None) -> Figure:
    """Precision over recall of one class with the area under it, its AP50.

    class_name: None takes the class whose AP50 is nearest to that of all classes, the one with more objects first.
    """
    known = {name: s for name, s in report.per_class.items() if s.ap50 is not None and name in report.curves}
    if not known or (class_name is not None and class_name not in known):
        raise DataError(f"class {class_name!r} has no AP50 here. Choose one of: {', '.join(known) or 'none has one'}.")
    mean = report.ap50 or 0.0
    name = class_name or min(known, key=lambda one: (abs((known[one].ap50 or 0.0) - mean), -known[one].boxes))
    precision = report.curves[name].precision
    recall = np.linspace(0, 1, len(precision))
    figure, (axes,) = new_figure(5.2, 3.3)
    axes.fill_between(recall, precision, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(recall, precision, color=BLUE, linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel("recall", fontsize=10, color=GREY)
    axes.set_ylabel("precision", fontsize=10, color=GREY)
    quiet(axes)
    heading(axes, f"{name}: the shaded area, its AP50, is {known[name].ap50:.2f}")
    return figure


def ap_table(report: EvaluationReport, least_boxes: int = 5) -> Figure:
    """AP50 with its interval: all frames, clean and troubled ones, each trouble with at least `least_boxes` objects."""
    named = [("all frames", report.overall), *((name.replace("_", " "), s) for name, s in report.by_trouble.items())]
    rows = [(name, s) for name, s in named if s.ap50 is not None and (s is report.overall or s.boxes >= least_boxes)]
    figure, (axes,) = new_figure(9.5, 0.36 * len(rows) + 1.2)
    for place, (_, scores) in enumerate(rows):
        _draw_row(axes, place, scores, INK if place == 0 else GREEN if place == 1 else BLUE)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)), yticklabels=[name for name, _ in rows])
    quiet(axes, grid=False)
    axes.tick_params(axis="y", labelsize=10.5, length=0, labelcolor=INK)
    note = "AP50.   Ring: clean frames of the same videos.   Pale bar: 95 % interval, where there are enough videos."
    axes.set_xlabel(note, fontsize=10, color=GREY)
    heading(axes, _finding(report))
    return figure


def _draw_row(axes: Axes, place: int, scores: Scores, colour: str) -> None:
    """One point with its interval, what to compare it with, and what it stands on."""
    if scores.ap50_interval is not None:
        ends = scores.ap50_interval
        axes.plot(ends, [place, place], color=colour, linewidth=6, alpha=0.25, solid_capstyle="butt")
    if scores.clean_ap50 is not None:
        ring: dict[str, Any] = {
            "markerfacecolor": "white",
            "markeredgecolor": GREEN,
            "markeredgewidth": 1.6,
            "markersize": 8,
        }
        axes.plot([scores.clean_ap50], [place], "o", clip_on=False, **ring)
    axes.plot([scores.ap50 or 0.0], [place], "o", color=colour, markersize=6, clip_on=False)
    across = axes.get_yaxis_transform()
    axes.text(1.02, place, _words(scores), fontsize=9.5, va="center", color=INK, transform=across)


def _words(scores: Scores) -> str:
    return f"{scores.ap50:.2f}   {scores.boxes} objects, {scores.videos} video{'s' * (scores.videos != 1)}"


def _finding(report: EvaluationReport) -> str:
    """What the numbers say: troubled frames beside the clean frames of the same videos, where there are some."""
    text = f"AP50 is {report.ap50:.2f}" if report.ap50 is not None else "AP50 is undefined"
    troubled = report.by_trouble.get("any_trouble")
    if troubled is None or troubled.ap50 is None or troubled.clean_ap50 is None:
        return text
    lost = troubled.clean_ap50 - troubled.ap50
    beside = f"{abs(lost):.2f} {'lower' if lost > 0 else 'higher'} than" if abs(lost) >= 0.005 else "the same as"
    return f"{text}; on troubled frames {beside} on clean frames of the same videos"
