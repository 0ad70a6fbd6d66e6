"""What the numbers of an evaluation stand on, in the words that the page and the terminal share."""

from __future__ import annotations

from clab_lite.evaluation_report import EvaluationReport, Scores


def amount(number: int, one: str, many: str = "") -> str:
    """ "1 video", "1,024 videos". many: where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def counted(report: EvaluationReport) -> Scores:
    """The overall scores with the counts that every table uses: videos and frames that show a box that counts.

    `report.overall` counts all videos and frames that were evaluated.
    """
    protocol = report.protocols.get("coco")
    score = protocol.scores.get("all") if protocol else None
    overall = report.overall
    if score is None:
        return overall
    return Scores(
        overall.ap50,
        overall.ap,
        score.videos,
        score.frames,
        score.boxes,
        overall.undefined,
        overall.ap50_interval,
        overall.ap_interval,
    )


def basis(report: EvaluationReport) -> str:
    """How much was evaluated, and in how much of it is something to be found."""
    overall, shown = report.overall, counted(report)
    classes = sum(scores.boxes > 0 for scores in report.per_class.values())
    boxes = f"{amount(overall.boxes, 'true box', 'true boxes')} of {amount(classes, 'class', 'classes')}"
    if (shown.videos, shown.frames) == (overall.videos, overall.frames) or not shown.boxes:
        return f"{amount(overall.videos, 'video')}, {amount(overall.frames, 'frame')}, {boxes}."
    return (
        f"{boxes}, on {shown.frames:,} of {amount(overall.frames, 'frame')} and in {shown.videos:,} of"
        f" {amount(overall.videos, 'video')}."
    )


def has_intervals(report: EvaluationReport) -> bool:
    """Whether any number has one: where some have, the others cannot."""
    tables = (report.per_class, report.by_size, report.by_trouble)
    scores = [report.overall, *(row for table in tables for row in table.values())]
    spans = [row.ap50_interval for row in scores]
    spans += [row.interval for protocol in report.protocols.values() for row in protocol.scores.values()]
    return any(span is not None for span in spans)


def condition(report: EvaluationReport, name: str) -> str | None:
    """What the report's subset asks for under a name, for example "fast" under "motion"."""
    words = dict(word.partition("=")[::2] for word in report.subset.split())
    return words.get(name)
