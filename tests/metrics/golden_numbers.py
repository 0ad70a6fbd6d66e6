"""Every number that an official evaluator gave for a golden case, beside the one computed here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from golden_cases import Case

from clab_lite.metrics.average_precision import Accumulated, accumulate_all
from clab_lite.metrics.coco import CocoScores, evaluate_coco
from clab_lite.metrics.voc import FGFA_AREAS, fgfa_outcomes, mega_outcomes, motion_ranges

CAPS = {"pycocotools": (1, 10, 100), "pycocotools_maxDets_100_300_1000": (100, 300, 1000)}
AREA_NAMES = dict(zip(("all", "small_lt50", "medium_50_150", "large_gt150"), FGFA_AREAS, strict=True))
Pair = tuple[float, float | None]
"""Here, and there; NaN, None and COCO's -1 are "undefined"."""


def numbers(case: Case, block: str) -> Iterator[tuple[str, Pair]]:
    """Name -> pair of every number that an official evaluator gave; none where it crashed."""
    expected = case.expected.get(block, {"error": "not run"})
    if "error" in expected:
        return
    if block in CAPS:
        yield from _coco_numbers(case, expected, CAPS[block])
    elif block.startswith("mega"):
        ranges = accumulate_all(mega_outcomes([case.detections], case.truth, case.frames, len(case.names)))
        for name in expected:
            yield from _voc_numbers(case, name, ranges[name], expected[name])
    else:
        yield from _fgfa_numbers(case, block, expected)


def _coco_numbers(case: Case, expected: Mapping[str, Any], caps: tuple[int, int, int]) -> Iterator[tuple[str, Pair]]:
    scores = evaluate_coco(case.detections, case.truth, len(case.names), caps=caps)
    for name, value in coco_block(scores, caps).items():
        yield name, (value, expected[name])
    for name, threshold in (("per_class_AP50", 0.5), ("per_class_mAP", None)):
        for label, value in enumerate(scores.per_class(threshold).tolist()):
            yield f"{name} {case.names[label]}", (value, expected[name][case.names[label]])


def coco_block(scores: CocoScores, caps: tuple[int, int, int]) -> dict[str, float]:
    """The numbers of one block of expected.json but those of the classes."""
    top = caps[-1]
    values = {f"AP{int(100 * t)}": scores.ap(t, cap=top) for t in (0.5, 0.75)}
    values |= {"mAP": scores.ap(cap=top), "AR50_100": scores.ar(0.5, cap=top)}
    values |= {f"AR_{name}": scores.ar(cap=cap) for name, cap in zip((1, 10, 100), caps, strict=True)}
    for area in ("small", "medium", "large"):
        values |= {f"AP50_{area}": scores.ap(0.5, area, top), f"mAP_{area}": scores.ap(None, area, top)}
    return values


def _fgfa_numbers(case: Case, block: str, expected: Mapping[str, Any]) -> Iterator[tuple[str, Pair]]:
    ranges = {
        f"{motion} {area}": replace(chosen, area=limits)
        for motion, chosen in motion_ranges(case.truth, case.frames).items()
        for area, limits in FGFA_AREAS.items()
    }
    outcomes = fgfa_outcomes([case.detections], case.truth, case.frames, len(case.names), ranges=ranges)
    scores = accumulate_all(outcomes)
    if block == "fgfa_motion":
        for motion, areas in expected.items():
            for area, values in areas.items():
                yield from _voc_numbers(case, f"{motion} {area}", scores[f"{motion} {AREA_NAMES[area]}"], values)
        return
    # The plain evaluator gives a class without ground truth 0 (nothing detected) or NaN, and averages over all.
    every = scores["all all"]
    yield "mean", (every.mean(), expected["mAP_over_classes_with_gt"])
    for name, value in expected["per_class"].items():
        label = case.names.index(name)
        if every.truths[label]:
            yield name, (float(every.ap[label]), value)


def _voc_numbers(case: Case, name: str, scores: Accumulated, expected: Mapping[str, Any]) -> Iterator[tuple[str, Pair]]:
    yield f"{name} mean", (scores.mean(), expected["mAP"])
    for label, value in enumerate(scores.ap.tolist()):
        yield f"{name} {case.names[label]}", (value, expected["per_class"].get(case.names[label]))


def difference(pair: Pair) -> float:
    """Between two numbers; infinite when one alone is undefined."""
    here, there = (math.nan if value is None or value == -1 else value for value in pair)
    if math.isnan(here) or math.isnan(there):
        return 0.0 if math.isnan(here) and math.isnan(there) else math.inf
    return abs(here - there)
