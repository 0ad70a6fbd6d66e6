"""The table that `evaluate` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clab_lite.evaluation_report import EvaluationReport, Interval, Score, Scores

_NO_SPEEDS = "COCO does not tell speeds apart"
_NO_CLEAN = "no clean frame of the same videos shows its classes"


def score_table(report: EvaluationReport) -> list[str]:
    """The report as aligned text: the protocols by speed, then COCO AP of all frames, by trouble, size and class.

    Rows without ground truth are left out. Footnotes say why a number or its interval is missing.
    """
    from clab_lite.evaluation_words import ERROR_WORDS
    from clab_lite.show.basis import basis, counted

    sizes = {f"{name} objects": scores for name, scores in report.by_size.items()}
    rows = {"all frames": counted(report), **report.by_trouble, **sizes, **report.per_class}
    rows = {name: scores for name, scores in rows.items() if scores.boxes or name == "all frames"}
    lines = [basis(report), "", *_protocols(report), "", *_rows(report, rows), *_footnotes(report, rows)]
    if report.errors:
        costs = sorted(report.errors.items(), key=lambda item: -item[1].cost)
        named = ((ERROR_WORDS[kind][0] if kind in ERROR_WORDS else kind, error.cost) for kind, error in costs)
        lines.append("AP50 to gain without errors: " + ", ".join(f"{name} {cost:.3f}" for name, cost in named))
    return lines


def _protocols(report: EvaluationReport) -> list[str]:
    """One column per speed that any protocol has; of a subset of one speed, that alone."""
    from clab_lite.show.basis import condition

    columns = list(dict.fromkeys(name for protocol in report.protocols.values() for name in protocol.scores))
    names = {"all": condition(report, "motion") or "all"}
    lines = [f"{'AP50 by protocol':<18}" + "".join(f" {names.get(column, column):>22}" for column in columns)]
    for protocol in report.protocols.values():
        cells = [_of(protocol.scores.get(column)) for column in columns]
        lines.append(f"{protocol.title:<18}" + "".join(f" {cell:>22}" for cell in cells))
    return lines


def _rows(report: EvaluationReport, rows: Mapping[str, Scores]) -> list[str]:
    clean = _beside_clean(report, rows)
    head = f"{'AP50':>22} {'clean*':>7} " if clean else f"{'AP50':>22} "
    lines = [f"{'COCO':<18} {head}{'AP50:95':>22} {'videos':>7} {'frames':>8} {'boxes':>8}"]
    for name, scores in rows.items():
        beside = f"{_value(scores.clean_ap50) if name in clean else '':>7} " if clean else ""
        ap50, ap = _value(scores.ap50, scores.ap50_interval), _value(scores.ap, scores.ap_interval)
        counts = f"{scores.videos:>7} {scores.frames:>8} {scores.boxes:>8}"
        lines.append(f"{name.replace('_', ' '):<18} {ap50:>22} {beside}{ap:>22} {counts}")
    return lines


def _beside_clean(report: EvaluationReport, rows: Mapping[str, Scores]) -> list[str]:
    """The rows that are set beside clean frames: the troubles."""
    from clab_lite.evaluation_report import CLEAN

    return [name for name in rows if name in report.by_trouble and name != CLEAN]


def _footnotes(report: EvaluationReport, rows: Mapping[str, Scores]) -> list[str]:
    from clab_lite.evaluation_words import FEW_SOURCES, NO_INTERVAL
    from clab_lite.show.basis import has_intervals

    speeds = [score for protocol in report.protocols.values() for score in protocol.scores.values()]
    known = [score.interval for score in speeds if score.value is not None]
    known += [scores.ap50_interval for scores in rows.values() if scores.ap50 is not None]
    lines = []
    if has_intervals(report):
        lines.append("in brackets: 95 % interval over drawn videos")
        lines += [f"without brackets: {FEW_SOURCES}"] if not all(known) else []
    elif known:
        lines.append(NO_INTERVAL)
    troubles = _beside_clean(report, rows)
    if troubles:
        lines.append("videos and frames: those that show such a box; of a trouble and of clean, all")
        lines.append("clean*: AP50 on clean frames of the same videos, over the classes that both show")
    reasons = [score.undefined for score in speeds] + [scores.undefined for scores in rows.values()]
    reasons += [_NO_CLEAN for name in troubles if rows[name].clean_ap50 is None]
    coco = report.protocols.get("coco")
    if coco and len(coco.scores) < max(len(protocol.scores) for protocol in report.protocols.values()):
        reasons.append(_NO_SPEEDS)
    told = dict.fromkeys(reason for reason in reasons if reason)
    if told:
        lines.append(f"-: {'; '.join(told)}")
    return lines


def _of(score: Score | None) -> str:
    return "-" if score is None else _value(score.value, score.interval)


def _value(value: float | None, span: Interval | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if span is None else f" [{span[0]:.3f}, {span[1]:.3f}]")
