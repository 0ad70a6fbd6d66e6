"""The static figures in one place, and the table of AP as a chart."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.evaluation_report import EvaluationReport, Scores
from clab_lite.show.curves import loss_curves
from clab_lite.show.findings import finding_trouble
from clab_lite.show.frames import draw_detections
from clab_lite.show.maps import embedding_map
from clab_lite.show.style import BLUE, GREY, INK, PALE, new_figure, quiet, to_png

__all__ = ["ap_table", "draw_detections", "embedding_map", "finding_trouble", "loss_curves", "to_png"]


def ap_table(report: EvaluationReport) -> Figure:
    """AP50 as bars with their numbers: per class on the left, by trouble on the right (when the dataset knows them)."""
    groups = [("Per class", report.per_class)]
    if report.by_trouble:
        groups.append(("By trouble", report.by_trouble))
    rows = max(len(scores) for _, scores in groups)
    figure, axes = new_figure(9.5, 0.27 * rows + 1.35, 1, len(groups))
    finding = finding_trouble(report)
    if finding:
        figure.suptitle(finding, x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    for panel, (title, scores) in zip(axes, groups, strict=True):
        ranked = title == "Per class"
        ordered = dict(sorted(scores.items(), key=lambda item: -(item[1].ap50 or 0))) if ranked else scores
        panel.set_title(title, loc="left", fontsize=10, color=GREY)
        _bars(panel, ordered, report.ap50)
    return figure


def _bars(axes: Axes, scores: dict[str, Scores], overall: float | None) -> None:
    names = list(scores)
    values = [scores[name].ap50 or 0.0 for name in names]
    if overall is not None:
        axes.axvline(overall, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
        axes.text(overall, -0.62, "all frames", fontsize=8, color=GREY, ha="center", va="bottom")
    axes.barh(range(len(names)), values, color=BLUE, height=0.66)
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    for i, name in enumerate(names):
        text = "undefined" if scores[name].ap50 is None else f"{values[i]:.2f}"
        axes.text(values[i] + 0.02, i, text, va="center", fontsize=9, color=INK, bbox=plate)
        axes.text(1.18, i, f"{scores[name].boxes:,} boxes", va="center", ha="right", fontsize=8, color=GREY)
    quiet(axes, grid=False)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=9, color=INK)
    axes.set_xlim(0, 1.2)
    axes.set_ylim(-0.7, len(names) - 0.4)
    axes.set_xticks([0, 0.5, 1])
    axes.spines["bottom"].set_color(PALE)
    axes.set_xlabel("AP50", fontsize=9, color=GREY)
    axes.invert_yaxis()
