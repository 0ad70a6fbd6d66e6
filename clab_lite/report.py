"""report.html: one self-contained page that shows what a run learned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path

from clab_lite.evaluation_report import ANY_TROUBLE, CLEAN, EvaluationReport, Scores
from clab_lite.evaluation_words import FEW_SOURCES, INTERVAL
from clab_lite.files import write_text
from clab_lite.report_data import MapComparison, Picture, ReportData
from clab_lite.report_words import METHOD, NO_CONTROL, WORDS, control_commands
from clab_lite.show import html
from clab_lite.show.basis import amount, has_intervals
from clab_lite.show.curves import finding_detection, loss_curves, weight_zero
from clab_lite.show.findings import finding_trouble
from clab_lite.show.frames import draw_detections, judge
from clab_lite.show.maps import embedding_map, scores_note
from clab_lite.show.score_table import STYLE, Group, Row, number, score_table
from clab_lite.training.saved_config import flat

__all__ = ["ReportData", "write_report"]

_SHOWN_FROM = 0.3
"""Score from which detections are drawn."""


def write_report(path: str | Path, data: ReportData) -> Path:
    """Write the page, whole or not at all. Needs no other file and no network to be read. Returns the path."""
    path = Path(path)
    # A run without the branch is itself the control.
    enabled = data.settings.get("detector", {}).get("contrast", {}).get("enabled", False)
    control = enabled and data.maps
    sections = [
        _headline(data),
        _curves(data),
        _tables(data.evaluation),
        _pictures(data),
        *_maps(data),
        _control(data) if control else "",
        _cost(data),
        _repeat(data),
        _words(data),
    ]
    write_text(path, html.page(data.title, sections, STYLE))
    return path


def _headline(data: ReportData) -> str:
    report = data.evaluation
    items = [
        (number(report.ap50), "AP50, all frames", _basis(report.overall)),
        (number(report.ap), "AP, IoU 0.50 to 0.95", "mean: the strict number"),
    ]
    for key, name in ((CLEAN, "AP50, clean frames"), (ANY_TROUBLE, "AP50, troubled frames")):
        if key in report.by_trouble:
            scores = report.by_trouble[key]
            items.append((number(scores.ap50), name, _basis(scores)))
    lead = f"{amount(report.counts['videos'], 'video')}, every frame."
    parts = [f"<h1>{escape(data.title)}</h1>", html.paragraph(METHOD), html.paragraph(lead, "lead"), html.tiles(items)]
    if report.overall.undefined:
        parts.append(html.paragraph(f"AP is undefined: {report.overall.undefined}."))
    return "<header>\n" + "\n".join(parts) + "\n</header>"


def _basis(scores: Scores) -> str:
    return f"{amount(scores.frames, 'frame')}, {amount(scores.boxes, 'box', 'boxes')}"


def _curves(data: ReportData) -> str:
    rows = list(data.log_rows)
    if not rows:
        return ""
    zero = weight_zero(rows)
    title = finding_detection(rows).replace("The four detection losses together", "Detection losses")
    title += f", the contrast faded out by iteration {zero:,}" if zero else ""
    text = (
        "All values are unweighted means since the last row of the log. The contrastive loss counts only"
        " with the weight drawn under it. Chance is what it would be if the embeddings told nothing: the"
        " logarithm of the number of candidates, one right and the rest from other clips."
    )
    caption = f"Iterations 1 to {rows[-1]['iteration']:,}."
    if zero:
        caption += f" The dotted line marks where the weight reached zero (after iteration {zero:,})."
    return html.section(title, html.paragraph(text), html.picture(loss_curves(rows), caption))


def _tables(report: EvaluationReport) -> str:
    title = finding_trouble(report) or "Average precision"
    groups = [("", {"all frames": report.overall}), ("By trouble of the frame", report.by_trouble)]
    ranked = sorted(report.per_class.items(), key=lambda item: -(item[1].ap50 or 0.0))
    groups.append(("By class", dict(ranked)))
    rows = [
        Group(
            name,
            [Row.of_both(key.replace("_", " "), value, clean=True, strong=not name) for key, value in scores.items()],
        )
        for name, scores in groups
    ]
    note = (
        "A frame may have several troubles. AP of a group is computed on its own frames only, so small"
        " groups are uncertain: look at how many boxes each number stands on. Groups show different classes:"
        " the hollow dot and its column are AP50 on the clean frames of the same videos, over the classes that both"
        " show. For a class, frames are those that show it."
    )
    parts = [score_table(rows, extra=["clean, same videos", "AP 0.50:0.95"]), html.paragraph(note, "note")]
    if has_intervals(report):
        missing = any(row.value is not None and row.interval is None for group in rows for row in group.rows)
        parts += [html.paragraph(f"Without an interval: {FEW_SOURCES}.", "note")] if missing else []
        parts.append(html.paragraph(INTERVAL, "note"))
    return html.section(title, *parts)


def _pictures(data: ReportData) -> str:
    if not data.pictures:
        return ""
    right = found = 0
    parts = []
    for picture in data.pictures:
        keep = picture.found["scores"] >= _SHOWN_FROM
        verdict, missed = judge({name: values[keep] for name, values in picture.found.items()}, picture.truth)
        right, found = right + int((~missed).sum()), found + len(missed)
        figure = draw_detections(picture.image, picture.found, picture.truth, data.class_names, least_score=_SHOWN_FROM)
        none = "clean" if data.evaluation.by_trouble else "no known trouble"
        caption = _caption(picture, none, int((~verdict).sum()), int(missed.sum()))
        parts.append(html.picture(figure, caption, dpi=130))
    title = f"{right} of {amount(found, 'object')} found, in {amount(len(data.pictures), 'frame')} not picked by result"
    text = (
        "Ground truth on the left, detections on the right. Right detections (same class, IoU of at least"
        " 0.5) are solid and blue; wrong ones are dashed and orange; ground truth is green, dashed where it"
        " was missed. The frames stand at even steps through the videos, clean ones first, then one kind of"
        " trouble after the other."
    )
    return html.section(title, html.paragraph(text), *parts)


def _caption(picture: Picture, none: str, wrong: int, missed: int) -> str:
    troubles = ", ".join(picture.troubles).replace("_", " ") or none
    return f"{picture.video}, frame {picture.frame}: {troubles}. {wrong} wrong, {missed} missed."


def _maps(data: ReportData) -> Iterator[str]:
    for comparison in data.maps:
        panels = [(panel.title, panel.points, panel.groups) for panel in comparison.panels]
        notes = [scores_note(panel.scores.silhouette, panel.scores.knn_purity) for panel in comparison.panels]
        text = (
            f"Each dot is {comparison.what}; colours tell the {comparison.by}. The map ({comparison.method}) keeps two"
            " directions of the feature space; both scores are taken in the full space: the silhouette (cosine, -1"
            f" to 1), and the purity, the share of the five nearest neighbours of the same {comparison.by}. Adjacent"
            " frames of a video are no neighbours here: they are nearly the same picture."
        )
        figure = embedding_map(panels, notes=notes, legend=comparison.by, list_groups=comparison.by != "video")
        caption = f"{comparison.title}, by {comparison.by}: axes have no unit; only who lies near whom has a meaning."
        yield html.section(_map_title(comparison), html.paragraph(text), html.picture(figure, caption))


def _map_title(comparison: MapComparison) -> str:
    """The given title, followed by what happened to the neighbour purity."""
    values = [panel.scores.knn_purity for panel in comparison.panels]
    if len(values) < 2 or math.isnan(values[0]) or math.isnan(values[-1]):
        return comparison.title
    change = values[-1] - values[0]
    verb = "rises" if change > 0.01 else "falls" if change < -0.01 else "stays"
    course = f"near {values[-1]:.2f}" if verb == "stays" else f"from {values[0]:.2f} to {values[-1]:.2f}"
    return f"{comparison.title}: neighbour purity by {comparison.by} {verb} {course}"


def _control(data: ReportData) -> str:
    measured = data.evaluation.measured
    commands = control_commands(measured.dataset if measured is not None else "DATASET")
    return html.section("What this run does not show", html.paragraph(NO_CONTROL), html.command(commands))


def _words(data: ReportData) -> str:
    protocol = html.paragraph(f"Protocol of AP: {data.evaluation.protocol}.", "note")
    return html.section("Words", html.pairs_table(WORDS.items()), protocol)


def _cost(data: ReportData) -> str:
    cost = data.cost
    if cost is None:
        return ""
    same = cost.largest_difference == 0.0
    difference = "0 (the same bits)" if same else f"{cost.largest_difference:.3g}"
    rows = [
        ("parameters while training", f"{cost.parameters_with:,}"),
        ("parameters of the auxiliary branch", f"{cost.parameters_with - cost.parameters_without:,}"),
        ("parameters at inference", f"{cost.parameters_without:,}"),
        (f"largest difference of any detection, branch removed ({amount(cost.frames, 'frame')})", difference),
    ]
    title = "The auxiliary branch costs nothing at inference" if same else "Removing the branch changed detections"
    text = (
        "Only the contrastive loss reads the branch. Removed from the trained detector, it takes its parameters along."
    )
    return html.section(title, html.paragraph(text), html.pairs_table(rows))


def _repeat(data: ReportData) -> str:
    parts = []
    if data.command:
        parts += [
            html.paragraph("The same command on the same kind of machine gives the same numbers:"),
            html.command(data.command),
        ]
    if data.facts:
        parts.append(html.pairs_table(data.facts.items()))
    if data.settings:
        rows = [(name, str(value)) for name, value in flat(data.settings).items()]
        parts.append(html.folded(f"All {len(rows)} settings", html.pairs_table(rows, code=True)))
    return html.section("How to repeat this run", *parts) if parts else ""
