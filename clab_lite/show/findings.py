"""Titles of an evaluation's sections: one sentence each, computed from its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from clab_lite.evaluation_report import (
    ANY_TROUBLE,
    CLEAN,
    Curve,
    ErrorCost,
    EvaluationReport,
    Interval,
    ProtocolScores,
    Score,
    Scores,
)
from clab_lite.evaluation_words import ERROR_WORDS
from clab_lite.show.basis import amount, has_intervals
from clab_lite.show.precision_recall import ALL, recall_end

_ALIKE = 0.005
"""Two values of AP that differ by less are called alike."""
_Value = tuple[float, Interval | None]


def finding_protocols(protocols: Mapping[str, ProtocolScores]) -> str:
    """How much the choice of the protocol moves AP50."""
    scores = [protocol.scores["all"] for protocol in protocols.values() if "all" in protocol.scores]
    values = [score.value for score in scores if score.value is not None]
    if len(values) < 2:
        return "AP50 by protocol"
    least, most = min(values), max(values)
    if most - least < 0.0005:
        return f"All protocols agree: AP50 {values[0]:.3f}"
    return f"The choice of the protocol moves AP50 by {most - least:.3f}: {least:.3f} to {most:.3f}"


def finding_motion(protocols: Mapping[str, ProtocolScores]) -> str:
    """The speed that scores lowest, by the first protocol that tells speeds apart."""
    for protocol in protocols.values():
        speeds = {name: score for name, score in protocol.scores.items() if name != "all"}
        known = _known({"medium-speed" if name == "medium" else name: score for name, score in speeds.items()})
        if len(known) > 1:
            return _lowest(known, "objects") + f" ({protocol.title})"
    return "By motion"


def finding_size(by_size: Mapping[str, Scores]) -> str:
    """The size that scores lowest."""
    known = _known(by_size)
    return _lowest(known, "objects") if len(known) > 1 else "By size of the object"


def finding_trouble(report: EvaluationReport) -> str | None:
    """The trouble that costs most, against clean frames of the same videos. None when not known."""
    known = _beside_clean(report)
    if not known:
        return None
    worst = min(known, key=lambda name: known[name][0] - known[name][1])
    ap50, clean = known[worst]
    row = report.by_trouble[worst]
    if ap50 >= clean:
        return "No trouble of the frames costs AP50 here"
    text = f"{_spoken(worst).capitalize()} costs most: AP50 {ap50:.2f} in {amount(row.videos, 'video')}, clean frames"
    text += f" of the same videos {clean:.2f}"
    if row.ap50_interval is None:
        return text + (" (too few videos for an interval)" if has_intervals(report) else "")
    return text + (", but its interval reaches that" if row.ap50_interval[1] >= clean else "")


def troubles_above_clean(report: EvaluationReport) -> str:
    """One sentence on the troubles whose frames score above clean ones; "" without any."""
    names = [_spoken(name) for name, (ap50, clean) in _beside_clean(report).items() if ap50 > clean]
    if not names:
        return ""
    row = "This row scores" if len(names) == 1 else "These rows score"
    return (
        f"{row} above the clean frames of the same videos: {', '.join(names)}. That need not"
        " mean that the trouble helps: the frames differ in other ways as well, and on few videos that is enough."
    )


def _beside_clean(report: EvaluationReport) -> dict[str, tuple[float, float]]:
    """Trouble -> AP50 on its frames and on clean ones, where both are known."""
    return {
        name: (scores.ap50, scores.clean_ap50)
        for name, scores in report.by_trouble.items()
        if name not in (CLEAN, ANY_TROUBLE) and scores.ap50 is not None and scores.clean_ap50 is not None
    }


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def finding_class(per_class: Mapping[str, Scores]) -> str:
    """The best and the worst class."""
    known = _known(per_class)
    if len(known) < 2:
        return "By class"
    best, worst = max(known, key=lambda name: known[name][0]), min(known, key=lambda name: known[name][0])
    if known[best][0] - known[worst][0] < _ALIKE:
        return f"All {len(known)} classes score alike: AP50 {known[best][0]:.2f}"
    return f"Classes reach from {worst} (AP50 {known[worst][0]:.2f}) to {best} ({known[best][0]:.2f})".replace("_", " ")


def finding_curves(curves: Mapping[str, Curve]) -> str:
    """What half of the objects costs in precision, and where recall ends."""
    mean = curves.get(ALL) or next(iter(curves.values()), None)
    if mean is None:
        return "Precision over recall"
    end = recall_end(mean)
    if end == 0:
        return "No object is found, at any score"
    if end < 0.5:
        return f"Recall ends at {end:.2f}: the other objects are not found, at any score"
    course = f"Precision is {mean.precision[50]:.2f} at a recall of 0.50"
    return course + (f", {mean.precision[90]:.2f} at 0.90" if end >= 0.9 else f"; recall ends at {end:.2f}")


def finding_errors(errors: Mapping[str, ErrorCost]) -> str:
    """The error that costs most."""
    if not errors or not any(error.count for error in errors.values()):
        return "No errors"
    kind, worst = max(errors.items(), key=lambda item: item[1].cost)
    if worst.cost < 0.0005:
        return "No kind of error costs AP50 by itself"
    causes = {
        "localisation": "Poorly placed boxes cost",
        "class": "Confused classes cost",
        "both": "Boxes with wrong class and place cost",
        "duplicate": "Duplicates cost",
        "outside": "Detections at other objects cost",
        "background": "Detections on the background cost",
        "missed": "Missed objects cost",
    }
    cause = causes.get(kind, f"{ERROR_WORDS.get(kind, (kind,))[0].capitalize()} costs")
    return f"{cause} most: {worst.cost:.3f} AP50 to gain"


def headline(report: EvaluationReport, dataset: str) -> str:
    """The number, and of what. dataset: its name."""
    value = "undefined" if report.ap50 is None else f"{report.ap50:.3f}"
    part = "a part of " if report.subset else ""
    return f"AP50 {'is ' if report.ap50 is None else ''}{value} on {part}{dataset}"


def _known(scores: Mapping[str, Score] | Mapping[str, Scores]) -> dict[str, _Value]:
    """Name -> (AP50, interval), where defined."""
    known: dict[str, _Value] = {}
    for name, score in scores.items():
        value, interval = (
            (score.value, score.interval) if isinstance(score, Score) else (score.ap50, score.ap50_interval)
        )
        if value is not None:
            known[name] = (value, interval)
    return known


def _lowest(known: Mapping[str, _Value], what: str) -> str:
    worst, best = min(known, key=lambda name: known[name][0]), max(known, key=lambda name: known[name][0])
    (low, low_interval), (high, high_interval) = known[worst], known[best]
    if high - low < _ALIKE:
        return f"{' and '.join(known).capitalize()} {what} score alike: AP50 {low:.2f}"
    text = f"{worst.capitalize()} {what} score lowest: AP50 {low:.2f}, {best} ones {high:.2f}"
    if low_interval is None or high_interval is None:
        return text
    return text + (", but the intervals overlap" if low_interval[1] >= high_interval[0] else "")
