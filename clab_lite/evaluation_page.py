"""The page of an evaluation (html) and its table of classes (csv)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from clab_lite.data.vid import VideoIndex
from clab_lite.evaluation_report import EvaluationReport, Interval, ProtocolScores, Score
from clab_lite.evaluation_words import (
    ALL_SPEEDS,
    CURVES,
    ENDS,
    ERRORS,
    ERRORS_OF_PART,
    FEW_SOURCES,
    FULL_VAL,
    INTERVAL,
    MOTION,
    NO_INTERVAL,
    NO_MOTION,
    SIZE,
    STRICT,
    TROUBLE,
)
from clab_lite.files import write_text
from clab_lite.show import error_table, findings, frame_pair, html, precision_recall, score_table
from clab_lite.show.basis import amount, basis, condition, counted, has_intervals
from clab_lite.show.score_table import DASH, Group, Row, number, span
from clab_lite.show.worst_frames import Found, worst_frames

_STYLE = "".join(part.STYLE for part in (score_table, precision_recall, error_table, frame_pair))


def write_evaluation_page(
    path: str | Path,
    report: EvaluationReport,
    index: VideoIndex,
    found: Callable[[str, int], Found],
    class_names: Sequence[str],
) -> Path:
    """Write the page, whole or not at all. Needs no other file and no network to be read.

    Args:
        path: where to; its folder is made.
        report: the numbers. What it does not hold leaves its section out.
        index: the dataset, for the pictures of the worst frames.
        found: detections of a worst frame by (video name, frame).
        class_names: in label order.

    Raises:
        DataError: the page cannot be written, or a worst frame cannot be read.
    """
    title = findings.headline(report, _dataset(report))
    sections = {
        "protocols": _protocols(report),
        "intervals": _reading(report),
        "speed": _motion(report),
        "size": _sizes(report),
        "trouble": _troubles(report),
        "classes": _classes(report),
        "curves": _curves(report),
        "errors": _errors(report),
        "worst-frames": worst_frames(report, index, found, class_names),
    }
    head = _head(title, report, [name for name, section in sections.items() if section])
    write_text(Path(path), html.page(title, [head, *sections.values()], _STYLE))
    return Path(path)


def write_per_class_csv(path: str | Path, report: EvaluationReport) -> Path:
    """One row per class with ground truth: AP by each protocol with its interval, and what it stands on.

    Six decimals; empty where undefined or without interval. Counts are those of COCO AP50.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    others = {key: protocol for key, protocol in report.protocols.items() if key != "coco"}
    measures = ["coco_ap50", "coco_ap", *(f"{key}_ap50" for key in others)]
    ends = [f"{measure}{end}" for measure in measures for end in ("", "_low", "_high")]
    writer.writerow(["class", *ends, "videos", "frames", "boxes"])
    for name, scores in report.per_class.items():
        cells = [*_cells(scores.ap50, scores.ap50_interval), *_cells(scores.ap, scores.ap_interval)]
        for protocol in others.values():
            score = protocol.per_class.get(name)
            cells += _cells(score.value, score.interval) if score else _cells(None, None)
        writer.writerow([name, *cells, scores.videos, scores.frames, scores.boxes])
    write_text(Path(path), buffer.getvalue())
    return Path(path)


def _cells(value: float | None, interval: Interval | None) -> list[str]:
    return ["" if x is None else f"{x:.6f}" for x in (value, *(interval or (None, None)))]


def _dataset(report: EvaluationReport) -> str:
    """The last part of its path, and the split."""
    measured = report.measured
    return f"{Path(measured.dataset).name}, {measured.split}" if measured else "the dataset"


def _head(title: str, report: EvaluationReport, sections: Sequence[str]) -> str:
    overall = report.overall
    items = [_tile(overall.ap50, "AP50, COCO", overall.ap50_interval)]
    for key, protocol in report.protocols.items():
        if key != "coco" and "all" in protocol.scores:
            score = protocol.scores["all"]
            items.append(_tile(score.value, f"AP50, {protocol.title}", score.interval))
    items.append(_tile(overall.ap, "AP 0.50:0.95, COCO", overall.ap_interval))
    parts = [f"<h1>{escape(title)}</h1>"]
    if report.subset:
        parts.append(html.paragraph(f"The part: {report.subset}.", "lead"))
    parts += [html.paragraph(f"{basis(report)} {_weights(report)}", "lead"), html.links(sections), html.tiles(items)]
    if overall.undefined:
        parts.append(html.paragraph(f"AP is undefined: {overall.undefined}."))
    return "<header>\n" + "\n".join([*parts, html.paragraph(_standing(report), "note")]) + "\n</header>"


def _tile(value: float | None, name: str, interval: Interval | None) -> tuple[str, str, str]:
    return (DASH if value is None else number(value)), name, f"95 %: {span(interval)}" if interval else ""


def _weights(report: EvaluationReport) -> str:
    measured = report.measured
    if measured is None:
        return ""
    of = "" if measured.iterations is None else f" of {measured.iterations:,}"
    size = f"frames within {measured.long_side} x {measured.short_side} pixels"
    weights = f"Weights {measured.weights} of iteration {measured.iteration:,}{of}"
    return f"{weights}, {size}, {amount(measured.references, 'reference frame')} per video."


def _standing(report: EvaluationReport) -> str:
    """Whether the numbers may be set beside published ones at all."""
    if not report.subset and report.counts == FULL_VAL:
        return "This is the whole validation split of ImageNet VID, on which published numbers are taken."
    return (
        f"Published numbers are taken on the whole validation split of ImageNet VID ({FULL_VAL['videos']:,} videos,"
        f" {FULL_VAL['frames']:,} frames). This is another set: compare its numbers with one another, not with a paper."
    )


def _protocols(report: EvaluationReport) -> str:
    overall = counted(report)
    rows = [Row.of(f"AP50, {protocol.title}", protocol.scores["all"], strong=key == "coco")
            for key, protocol in report.protocols.items() if "all" in protocol.scores]  # fmt: skip
    if not rows:
        counts = (overall.videos, overall.frames, overall.boxes)
        rows = [Row("AP50, COCO", overall.ap50, overall.ap50_interval, counts, overall.undefined)]
    strict = Row("AP 0.50:0.95", overall.ap, overall.ap_interval, rows[0].counts, overall.undefined)
    table = _table(report, [Group("", [*rows, strict])], measure="AP")
    stand = "Videos, frames and boxes, here and below: those with ground truth that counts for the number."
    texts = [(protocol.title, protocol.rules, protocol.comparable) for protocol in report.protocols.values()]
    items = "".join(
        f"<dt>{escape(title)}</dt><dd>{escape(rules)}</dd><dd><b>Compare with:</b> {escape(comparable)}</dd>"
        for title, rules, comparable in texts
    )
    items += f"<dt>AP 0.50:0.95</dt><dd>{escape(STRICT)}</dd>"
    title = findings.finding_protocols(report.protocols)
    return html.section(title, table, html.paragraph(stand, "note"), f"<dl>{items}</dl>", name="protocols")


def _table(
    report: EvaluationReport,
    groups: Sequence[Group],
    *,
    measure: str = "AP50",
    extra: Sequence[str] = (),
    line: float | None = None,
) -> str:
    """The table, and a line on rows that have no interval where other numbers of the report have one."""
    table = score_table.score_table(groups, measure=measure, extra=extra, line=line)
    rows = [row for group in groups for row in group.rows]
    if has_intervals(report) and any(row.value is not None and row.interval is None for row in rows):
        table += html.paragraph(f"Without an interval: {FEW_SOURCES}.", "note")
    return table


def _motion(report: EvaluationReport) -> str:
    if condition(report, "motion") or not report.protocols:
        return ""
    groups = [Group(f"{protocol.title}, AP50", _speeds(protocol)) for protocol in report.protocols.values()]
    if not any(group.rows for group in groups):
        return html.section("By motion", html.paragraph(NO_MOTION), name="speed")
    title = findings.finding_motion(report.protocols)
    parts = (html.paragraph(MOTION, "note"), _table(report, groups), html.paragraph(ALL_SPEEDS, "note"))
    return html.section(title, *parts, name="speed")


def _speeds(protocol: ProtocolScores) -> list[Row]:
    every: Score | None = protocol.scores.get("all")
    rows = [Row.of("all speeds", every)] if every else []
    speeds = [Row.of(name, score) for name, score in protocol.scores.items() if name != "all"]
    return [*speeds, *rows] if speeds else []


def _sizes(report: EvaluationReport) -> str:
    if not report.by_size:
        return ""
    rows = [Row.of_both(name, scores) for name, scores in report.by_size.items()]
    table = _table(report, [Group("", rows)], extra=["AP 0.50:0.95"], line=report.ap50)
    note = html.paragraph(f"COCO. {SIZE} The dotted line is all sizes together.", "note")
    return html.section(findings.finding_size(report.by_size), note, table, name="size")


def _troubles(report: EvaluationReport) -> str:
    if not report.by_trouble:
        return ""
    rows = [Row.of_both(name.replace("_", " "), scores, clean=True) for name, scores in report.by_trouble.items()]
    table = _table(report, [Group("", rows)], extra=["clean, same videos", "AP 0.50:0.95"])
    title = findings.finding_trouble(report) or "By trouble of the frame"
    above = findings.troubles_above_clean(report)
    after = html.paragraph(above, "note") if above else ""
    return html.section(title, html.paragraph(TROUBLE, "note"), table, after, name="trouble")


def _classes(report: EvaluationReport) -> str:
    if not report.per_class:
        return ""
    ranked = sorted(report.per_class.items(), key=lambda item: -(item[1].ap50 or 0.0))
    rows = [Row.of_both(name.replace("_", " "), scores) for name, scores in ranked]
    table = _table(report, [Group("", rows)], extra=["AP 0.50:0.95"], line=report.ap50)
    note = "COCO. Classes with ground truth; frames are those that show the class. The dotted line is the mean."
    return html.section(findings.finding_class(report.per_class), html.paragraph(note, "note"), table, name="classes")


def _curves(report: EvaluationReport) -> str:
    if not report.curves:
        return ""
    scores = {precision_recall.ALL: report.overall, **report.per_class}
    known = {name: score.ap50 for name, score in scores.items() if score.ap50 is not None}
    ranked = dict(sorted(report.curves.items(), key=lambda item: -known.get(item[0], 0.0)))
    grid = precision_recall.curve_grid(ranked, {name: f"{value:.3f}" for name, value in known.items()}, CURVES)
    return html.section(findings.finding_curves(report.curves), grid, name="curves")


def _errors(report: EvaluationReport) -> str:
    if not report.errors:
        return ""
    text = f"{ERRORS_OF_PART.format(subset=report.subset)} {ERRORS}" if report.subset else ERRORS
    parts = (html.paragraph(text, "note"), error_table.error_table(report.errors))
    return html.section(findings.finding_errors(report.errors), *parts, name="errors")


def _reading(report: EvaluationReport) -> str:
    if report.ap50 is None:
        return ""
    texts = [INTERVAL, ENDS] if has_intervals(report) else [NO_INTERVAL]
    return html.section("How to read the intervals", *map(html.paragraph, texts), name="intervals")
