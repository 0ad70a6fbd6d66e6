"""An `EvaluationReport` as dots with intervals: by motion, size, trouble or class, under a chosen protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.compare import Comparison
from clab_lite.evaluation_report import EvaluationReport, Interval, Score, Scores
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

GROUPS = ("motion", "size", "trouble", "class")
PROTOCOLS = {"COCO": "coco", "MEGA (VOC)": "mega", "FGFA (VOC)": "fgfa"}


@dataclass(frozen=True)
class Line:
    """One row of such a figure."""

    name: str
    value: float | None
    interval: Interval | None
    boxes: int
    other: float | None = None
    """A second value, drawn hollow: of a trouble, AP50 on clean frames of the same videos."""


def lines_of(report: EvaluationReport, group: str, protocol: str = "coco") -> list[Line]:
    """The rows of a group; of protocols, only motion and class know more than one (size and trouble are COCO's)."""
    chosen = report.protocols[protocol]
    if group == "motion":
        source = chosen if len(chosen.scores) > 1 else report.protocols["mega"]
        return [_line(name, score) for name, score in source.scores.items()]
    if group == "class":
        rows = [_line(name, score) for name, score in chosen.per_class.items()]
        return sorted(rows, key=lambda row: -(row.value or 0.0))
    table = report.by_size if group == "size" else report.by_trouble
    return [_line(name.replace("_", " "), scores) for name, scores in table.items()]


def protocol_table(report: EvaluationReport) -> pd.DataFrame:
    """AP50 with its interval by each protocol (rows) and speed (columns; COCO knows none), and what each is
    comparable with.
    """
    rows = {
        scores.title: {name: f"{_number(score.value)}{_span(score.interval)}" for name, score in scores.scores.items()}
        | {"compare it with": scores.comparable}
        for scores in report.protocols.values()
    }
    table = pd.DataFrame(rows).T.fillna("not defined")
    return table[[name for name in table if name != "compare it with"] + ["compare it with"]]


def draw_report(report: EvaluationReport, group: str, protocol: str = "coco") -> Figure:
    """AP50 of each row of the group with its 95 % interval; the title compares the best and the worst row."""
    lines = lines_of(report, group, protocol)
    figure, (axes,) = new_figure(8.5, 1.5 + 0.32 * max(len(lines), 2))
    _dots(axes, lines, BLUE)
    axes.axvline(report.ap50 or 0.0, color=PALE, linewidth=1.2, zorder=0)
    axes.set_xlim(0, 1.02)
    text = "AP50, in brackets the objects; the pale line is AP50 of all"
    text += "; hollow: clean frames of the same videos" if any(line.other is not None for line in lines) else ""
    axes.set_xlabel(text, fontsize=9, color=GREY)
    heading(axes, finding(lines, group))
    return figure


def finding(lines: Sequence[Line], group: str) -> str:
    """One sentence: which row is lowest and highest, and whether their intervals are apart; of troubles, which
    one is farthest below the clean frames of its own videos.
    """
    rows = [line for line in lines if line.value is not None and line.name not in ("all", "any trouble")]
    beside = [line for line in rows if line.other is not None]
    if beside:
        worst = min(beside, key=lambda line: (line.value or 0) - (line.other or 0))
        if (worst.value or 0) >= (worst.other or 0):
            return "No trouble is below clean frames of the same videos"
        sure = "" if worst.interval else ", no interval"
        text = f"{worst.name}, {worst.value:.2f} against {worst.other:.2f} ({worst.boxes} objects{sure})"
        return f"Largest gap to clean frames of the same videos:\n{text}"
    if len(rows) < 2:
        return f"By {group}: too few rows to compare"
    low, high = min(rows, key=lambda row: row.value or 0), max(rows, key=lambda row: row.value or 0)
    text = f"By {group}: {low.name} {low.value:.2f} is lowest, {high.name} {high.value:.2f} highest"
    if low.interval is None or high.interval is None:
        return f"{text}; too few videos to be sure"
    return f"{text}; their intervals {'are apart' if low.interval[1] < high.interval[0] else 'overlap'}"


def explore_report(report: EvaluationReport) -> Callable[..., tuple[Figure, str]]:
    """For `lessons.explore`: draw(group=..., protocol=...) with the names of `GROUPS` and `PROTOCOLS`."""

    def draw(group: str, protocol: str) -> tuple[Figure, str]:
        lines = lines_of(report, group, PROTOCOLS[protocol])
        note = "size and trouble exist for COCO only" if group in ("size", "trouble") else ""
        if group == "motion" and PROTOCOLS[protocol] == "coco":
            note = "COCO has no motion: MEGA's is shown"
        words = "; ".join(f"{line.name} {_number(line.value)} ({line.boxes} objects)" for line in lines)
        return draw_report(report, group, PROTOCOLS[protocol]), f"{words}. {note}".strip()

    return draw


def draw_comparison(comparison: Comparison, names: tuple[str, str] = ("A", "B")) -> Figure:
    """Differences B - A with 95 % intervals over drawn videos: AP50 first, then the rest, which is many numbers."""
    rows = [(name, number.difference) for name, number in comparison.numbers.items() if number.difference is not None]
    lines = [Line(name, d.value, d.interval, 0) for name, d in rows]
    figure, (axes,) = new_figure(8.5, 1.3 + 0.27 * max(len(lines), 2))
    axes.axvline(0, color=GREY, linewidth=1.0, zorder=0)
    _dots(axes, lines, BLUE, sure=True)
    first = lines[0]
    assert first.value is not None
    if first.interval is None:
        text = f"AP50 {first.value:+.3f}: too few source videos for an interval"
    else:
        away = first.interval[0] > 0 or first.interval[1] < 0
        text = f"AP50 {first.value:+.3f}, interval {first.interval[0]:+.3f} to {first.interval[1]:+.3f}:"
        text += " zero lies outside" if away else " zero lies inside"
    label = f"{names[1]} minus {names[0]}, 95 % interval over drawn videos; orange-red where it leaves out 0"
    label += "\nno bar: too few videos" if any(line.interval is None for line in lines) else ""
    axes.set_xlabel(label, fontsize=9, color=GREY)
    heading(axes, text)
    return figure


def _dots(axes: Axes, lines: Sequence[Line], colour: str, sure: bool = False) -> None:
    for place, line in enumerate(lines):
        if line.value is None:
            axes.text(0.01, place, "undefined", va="center", fontsize=9, color=GREY)
            continue
        apart = sure and line.interval is not None and not line.interval[0] <= 0 <= line.interval[1]
        own = VERMILLION if apart else colour
        if line.interval is not None:
            axes.plot(line.interval, [place, place], color=own, linewidth=5, alpha=0.3, solid_capstyle="butt", zorder=2)
        if line.other is not None:  # a ring around a dot at the same place: both are seen
            axes.scatter([line.other], [place], s=80, facecolors="none", edgecolors=ORANGE, linewidths=1.5, zorder=3)
        axes.scatter([line.value], [place], s=30, color=own, zorder=4)
    labels = [f"{line.name}  ({line.boxes})" if line.boxes else line.name for line in lines]
    axes.set_yticks(range(len(lines)), labels, fontsize=9, color=INK)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    quiet(axes, grid=False)
    axes.tick_params(axis="y", colors=INK)


def _line(name: str, score: Score | Scores) -> Line:
    if isinstance(score, Score):
        return Line(name, score.value, score.interval, score.boxes)
    return Line(name, score.ap50, score.ap50_interval, score.boxes, score.clean_ap50)


def _span(interval: Interval | None) -> str:
    return "" if interval is None else f"  ({interval[0]:.2f} to {interval[1]:.2f})"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
