"""The parts of one frame: where the plain path and the library compute them, and what each costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import plain_path
from plain_path import detect_plainly, extract_references
from torch.nn import functional

from clab_lite.detector import VideoDetector, temporal_roi_align, video_detector
from clab_lite.detector.most_similar import MapPair
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign
from speed.scene import Case
from speed.trace import REST, Watched, multiply_adds_by_part, seconds_by_part

BACKBONE, RPN, PROPOSALS = "backbone and neck", "RPN convolutions", "proposals: sorting, suppression"
POOLING, TAPS = "RoIAlign", "taps of the embedding on the own map"
PRODUCTS, SEARCH, EMBEDDING = "cosine similarities", "most similar cells of them", "embedding convolution"
SUM, HEAD, SELSA = "attention over frames", "fully connected layers", "SELSA attention"
CHOICE = "detections: suppression"
PARTS = (BACKBONE, RPN, PROPOSALS, POOLING, TAPS, PRODUCTS, SEARCH, EMBEDDING, SUM, HEAD, SELSA, CHOICE, REST)
GROWTH = {
    BACKBONE: (0, 0, 1), RPN: (0, 0, 1), PROPOSALS: (0, 0, 0), POOLING: (0, 1, 0), TAPS: (0, 0, 1),
    PRODUCTS: (1, 0, 2), SEARCH: (1, 1, 1), EMBEDDING: (1, 1, 0), SUM: (1, 1, 0), HEAD: (0, 1, 0), SELSA: (1, 2, 0),
    CHOICE: (0, 1, 0), REST: (1, 0, 1),
}  # fmt: skip
"""Powers of frames (references and the key), proposals and pixels that a part of the library grows with."""


def measure(case: Case) -> list[dict[str, Any]]:
    """A row per part: GMAC and CPU-milliseconds of the plain path and of the library, for one key frame: of three runs
    the one that others on the machine disturbed least."""
    detector = case.detector()
    frames = case.frames()
    memory, maps = case.remember(detector, frames), extract_references(detector, frames[1:])

    def plain() -> object:
        return detect_plainly(detector, frames[0], maps, case.size)

    def ours() -> object:
        return detector.detect(frames[0], memory, case.size)

    ours()
    both = [_cost(plain, watched_plainly(detector)), _cost(ours, watched(detector))]
    names = ("plain", "ours")
    return [
        {"part": part, **{f"{name}_{kind}": cost[kind].get(part, 0.0) for name, cost in zip(names, both, strict=True)
                          for kind in ("gmac", "ms")}}
        for part in PARTS
    ]  # fmt: skip


def grown(parts: dict[str, float], before: Case, after: Case) -> float:
    """The sum of the parts' times, measured in one case, as `GROWTH` has it in another."""
    ratios = (
        (1 + after.references) / (1 + before.references),
        after.proposals / before.proposals,
        math.prod(after.size) / math.prod(before.size),
    )
    return sum(
        spent * math.prod(ratio**power for ratio, power in zip(ratios, GROWTH[part], strict=True))
        for part, spent in parts.items()
    )


def watched(detector: VideoDetector) -> Watched:
    """Where the library computes its parts."""
    return [
        (detector, "extract", BACKBONE), (detector.rpn, "forward", RPN), (video_detector, "propose", PROPOSALS),
        (detector, "_pool", POOLING), (temporal_roi_align, "roi_cells", POOLING), (detector.temporal, "tables", TAPS),
        (MapPair, "of", PRODUCTS), (temporal_roi_align, "most_similar_cells", SEARCH),
        (temporal_roi_align, "convolved", EMBEDDING), (TemporalRoIAlign, "_embed", EMBEDDING),
        (TemporalRoIAlign, "_score", SUM), (temporal_roi_align, "_weighted_sum", SUM),
        (detector.box_head, "encode_references", HEAD), (detector.box_head, "forward", HEAD),
        (functional, "scaled_dot_product_attention", SELSA), (video_detector, "select_detections", CHOICE),
    ]  # fmt: skip


def watched_plainly(detector: VideoDetector) -> Watched:
    """Where the plain path does: the comparison of cells and the search among them are one line there."""
    assert detector.temporal is not None
    return [
        (plain_path, "extract_plainly", BACKBONE), (detector.rpn, "forward", RPN), (plain_path, "propose", PROPOSALS),
        (plain_path, "pool", POOLING), (plain_path, "most_similar_roi_align", PRODUCTS),
        (detector.temporal.embed, "forward", EMBEDDING), (plain_path, "aggregate", SUM),
        (plain_path, "run_head", HEAD), (plain_path, "select_detections", CHOICE),
    ]  # fmt: skip


def _cost(work: Callable[[], object], where: Watched, turns: int = 3) -> dict[str, dict[str, float]]:
    gmac = {part: count / 1e9 for part, count in multiply_adds_by_part(work, where).items()}
    quickest = min((seconds_by_part(work, where) for _ in range(turns)), key=lambda parts: sum(parts.values()))
    return {"gmac": gmac, "ms": {part: 1e3 * spent for part, spent in quickest.items()}}
