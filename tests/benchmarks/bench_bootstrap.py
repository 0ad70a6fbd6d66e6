"""Time and memory of 1,000 resamples at the size of ImageNet VID's validation set, and what thinning the curves costs.

usage: python tests/benchmarks/bench_bootstrap.py
"""

from __future__ import annotations

import resource
import time

import numpy as np

from clab_lite.metrics import bootstrap, certainty
from clab_lite.metrics.average_precision import accumulate
from clab_lite.metrics.outcomes import FALSE, TRUE, Outcomes, Points

VIDEOS, FRAMES, OBJECTS, CLASSES, PER_FRAME = 555, 176_126, 273_505, 30, 100
LIMIT_S, LIMIT_MB, LIMIT_AP = 30, 1500, 1e-3
"""Seconds per column, MB in all (the outcomes are 200 of them), and the largest error of a class's AP."""


def draw_outcomes(points: Points) -> Outcomes:
    """Nine of ten objects found; their scores, and those of the wrong detections, differ between the videos."""
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(FRAMES, dtype=np.int32), PER_FRAME)
    label = rng.integers(0, CLASSES, len(image), dtype=np.uint8)
    score = rng.random(len(image), np.float32) ** 4
    code = np.full(len(image), FALSE, np.uint8)
    right = rng.choice(len(image), OBJECTS * 9 // 10, replace=False)
    code[right] = TRUE
    certain = rng.random(VIDEOS)[image[right].astype(np.int64) * VIDEOS // FRAMES]
    score[right] = rng.random(len(right)) ** (0.1 + certain)
    truth = rng.integers(0, FRAMES, OBJECTS).astype(np.int32)
    counted = np.ones((1, OBJECTS), bool)
    weights = np.array([0.0, 0.0, 1.0])
    labels = rng.integers(0, CLASSES, OBJECTS)
    return Outcomes(("x",), score, label, image, code[None], weights, labels, truth, counted, CLASSES, points)


def main() -> None:
    """Draw, measure, and compare with curves that are not thinned."""
    video = (np.arange(FRAMES) * VIDEOS // FRAMES).astype(np.int32)
    for points in ("101", "all"):
        outcomes = draw_outcomes(points)
        draws = bootstrap.draw_resamples(np.arange(VIDEOS))
        start = time.perf_counter()
        resampled = bootstrap.resampled_ap(outcomes, ["x"], video, draws)
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bootstrap.PLACES, places = len(outcomes), bootstrap.PLACES
        exact = bootstrap.resampled_ap(outcomes, ["x"], video, draws[:20])
        bootstrap.PLACES = places
        classes = np.abs(resampled.per_class[:20] - exact.per_class).max()
        span = certainty.interval(resampled.mean, certainty.Sources(VIDEOS, (VIDEOS,) * CLASSES))
        mean = np.abs(resampled.mean[:20] - exact.mean).max()
        print(
            f"{points:>3} recalls, {len(outcomes):,} detections, {len(draws)} resamples: {seconds:.1f} s, "
            f"{memory:.0f} MB; AP {accumulate(outcomes, 'x').mean():.4f}, interval {span}; "
            f"thinned to {places} places: a class moves by up to {classes:.0e}, the mean by {mean:.0e}"
        )
        if seconds > LIMIT_S or memory > LIMIT_MB or classes > LIMIT_AP:
            raise SystemExit(f"the limit is {LIMIT_S} s, {LIMIT_MB} MB and {LIMIT_AP}")


if __name__ == "__main__":
    main()
