"""The whole report of some detections: three protocols, groups of frames and objects, errors, curves, worst frames.

Detections are read from their place and never held: what is kept of each is a byte per column (`Outcomes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.selection import Selection
from clab_lite.data.vid import VideoIndex
from clab_lite.detection_store import Found
from clab_lite.evaluation_report import (
    ANY_TROUBLE,
    CLEAN,
    FOUND_FROM,
    Curve,
    ErrorCost,
    EvaluationReport,
    ProtocolScores,
    Scores,
    WorstFrame,
)
from clab_lite.evaluation_words import PROTOCOL_TEXTS
from clab_lite.metrics.average_precision import accumulate, precision_at_recalls
from clab_lite.metrics.coco import AREA_RANGES, CocoRules, coco_outcomes
from clab_lite.metrics.collect import collect
from clab_lite.metrics.errors import error_costs
from clab_lite.metrics.outcomes import FALSE, TRUE, Outcomes
from clab_lite.metrics.voc import FgfaRules, MegaRules, motion_ranges
from clab_lite.scoring.inputs import Inputs, frame_groups
from clab_lite.scoring.measure import Measure

ANY_AREA = AREA_RANGES["all"]
AP50 = "0.50 all"
"""Column of COCO's outcomes."""
_WORST = 10


def score(
    index: VideoIndex, selection: Selection, found: Found, *, subset: str = "", resamples: int = 1000, seed: int = 0
) -> EvaluationReport:
    """Score the detections of the selected frames.

    Args:
        index, selection: what is evaluated.
        found: the detections; frames that it does not hold count as frames in which nothing was found.
        subset: what was asked for, for the report.
        resamples, seed: draws of videos behind the intervals; 0 leaves the intervals out.
    """
    inputs = Inputs.of(index, selection, found)
    measure = Measure(inputs.frames.video, inputs.sources, resamples, seed)
    names = inputs.class_names
    coco, mega, fgfa = protocol_outcomes(inputs)
    overall, per_class = measure.scores(coco, names, np.ones(len(inputs.frames), bool))
    groups = frame_groups(index, selection, CLEAN, ANY_TROUBLE)
    report = EvaluationReport(
        overall,
        per_class,
        _by_trouble(coco, groups, measure, names),
        subset=subset,
        protocols={
            "coco": _protocol("coco", coco, {"all": AP50}, measure, names),
            "mega": _protocol("mega", mega, {name: name for name in mega.columns}, measure, names),
            "fgfa": _protocol("fgfa", fgfa, {name: name for name in fgfa.columns}, measure, names),
        },
        curves=_curves(coco, names),
        worst=_worst(coco, inputs),
    )
    del coco, mega, fgfa  # a byte per column and detection: the next ones need the room
    return replace(report, by_size=_by_size(inputs, measure), errors=_errors(inputs))


def protocol_outcomes(inputs: Inputs) -> tuple[Outcomes, Outcomes, Outcomes]:
    """COCO, MEGA and FGFA for the classes and objects that are asked for; the latter two also by motion, where that is
    known. One pass over the boxes; all classes take part in it.
    """
    coco, mega, fgfa = collect(inputs.chunks, inputs.classes, *_rules(inputs))
    labels = inputs.selection.labels
    return coco.of_classes(labels), mega.of_classes(labels), fgfa.of_classes(labels)


def _rules(inputs: Inputs) -> tuple[CocoRules, MegaRules, FgfaRules]:
    truth, frames, selection = inputs.truth, inputs.frames, inputs.selection
    ranges = {}
    for name, part in motion_ranges(truth, frames).items():
        if selection.motion_range in (None, name):
            part = replace(part, ignored=part.ignored | selection.ignored)
            if selection.area != ANY_AREA:
                part = replace(part, area=selection.area)
            ranges["all" if selection.motion_range else name] = part
    coco = CocoRules(truth, areas={"all": selection.area}, ignored=selection.ignored)
    return coco, MegaRules(truth, frames, ranges), FgfaRules(truth, frames, ranges)


def _protocol(
    key: str, outcomes: Outcomes, rows: Mapping[str, str], measure: Measure, names: Sequence[str]
) -> ProtocolScores:
    """Scores of one protocol. rows: name of a score -> its column; the first is over all motions."""
    text, (first, *others) = PROTOCOL_TEXTS[key], rows
    overall, per_class = measure.score_classes(outcomes, rows[first], names)
    scores = {first: overall}
    for name in others:
        scores[name] = measure.score(outcomes, rows[name], f"there is no {name} object")
    return ProtocolScores(text.title, text.rules, text.comparable, scores, per_class)


def _by_trouble(
    coco: Outcomes, groups: Mapping[str, NDArray[np.bool_]], measure: Measure, names: Sequence[str]
) -> dict[str, Scores]:
    by_trouble: dict[str, Scores] = {}
    for group, frames in groups.items():
        scores, classes = measure.scores(coco.of_images(frames), names, frames)
        if group != CLEAN:
            shown = np.array([name in classes for name in names], bool)
            beside = groups[CLEAN] & np.isin(measure.video_of_frame, measure.video_of_frame[frames])
            scores = replace(scores, clean_ap50=_mean_ap50(coco.of_images(beside), shown))
        by_trouble[group] = scores
    return by_trouble


def _mean_ap50(coco: Outcomes, labels: NDArray[np.bool_]) -> float | None:
    """AP50 over those of some classes that have ground truth; None without any."""
    ap = accumulate(coco, AP50).ap[labels]
    known = ap[~np.isnan(ap)]
    return float(known.mean()) if len(known) else None


def _by_size(inputs: Inputs, measure: Measure) -> dict[str, Scores]:
    """COCO AP of small, medium and large objects, one after the other: together they would need four times the room."""
    by_size = {}
    truth, selection = inputs.truth, inputs.selection
    if selection.area != ANY_AREA:
        return {}
    for name in ("small", "medium", "large"):
        coco = coco_outcomes(
            inputs.chunks, truth, inputs.classes, areas={name: AREA_RANGES[name]}, ignored=selection.ignored
        ).of_classes(selection.labels)
        by_size[name] = measure.scores(coco, inputs.class_names, why=f"there is no {name} object")[0]
    return by_size


def _curves(coco: Outcomes, names: Sequence[str]) -> dict[str, Curve]:
    precision = precision_at_recalls(coco, AP50)
    known = ~np.isnan(precision[:, 0])

    def curve(values: NDArray[np.float64]) -> Curve:
        return Curve(tuple(np.round(values, 4).tolist()))

    if not known.any():
        return {}
    classes = {name: curve(precision[c]) for c, name in enumerate(names) if known[c]}
    return {"all classes": curve(precision[known].mean(axis=0)), **classes}


def _worst(coco: Outcomes, inputs: Inputs) -> tuple[WorstFrame, ...]:
    """The worst frame of each video, worst first."""
    column, frames = coco.column(AP50), len(inputs.frames)
    code = coco.code[column]
    right = (code == TRUE) & (coco.score >= FOUND_FROM)
    wrong = code == FALSE
    objects = np.bincount(coco.truth_image[coco.counted[column]], minlength=frames)
    missed = objects - np.bincount(coco.image[right], minlength=frames)
    score = np.bincount(coco.image[wrong], weights=coco.score[wrong].astype(np.float64), minlength=frames)
    worst: list[WorstFrame] = []
    seen: set[int] = set()
    for frame in np.argsort(-(missed + score), kind="stable").tolist():
        video = int(inputs.frames.video[frame])
        if video not in seen and missed[frame] + score[frame] > 0:
            seen.add(video)
            number = int(inputs.frame_numbers[frame])
            worst.append(
                WorstFrame(inputs.video_names[video], number, int(missed[frame]), round(float(score[frame]), 3))
            )
        if len(worst) == _WORST:
            break
    return tuple(worst)


def _errors(inputs: Inputs) -> dict[str, ErrorCost]:
    """TIDE's kinds of errors at COCO AP50."""
    selection = inputs.selection
    costs = error_costs(
        inputs.chunks,
        inputs.truth,
        inputs.classes,
        ignored=selection.ignored,
        area=selection.area,
        labels=selection.labels,
    )
    return {kind: ErrorCost(count, cost) for kind, (count, cost) in costs.items()}
