"""Numbers of a moment of a measured run, in words."""

from __future__ import annotations

import math
from typing import Any

_WORDS = {
    "knn_class": "kNN purity by class",
    "knn_video": "kNN purity by video",
    "silhouette_class": "silhouette by class",
    "silhouette_video": "silhouette by video",
    "alignment_class": "alignment",
    "alignment_video": "alignment",
    "uniformity": "uniformity",
}
"""Scores of a study's moment that the explorer names, and how."""


def score_words(moment: Any, level: str) -> str:
    """ "objects, kNN purity by class 0.41, ...": what is defined of a level's scores; "" where nothing is."""
    scores = moment.scores.get(level, {})
    texts = [
        f"{words} {scores[name]:.2f}" for name, words in _WORDS.items() if math.isfinite(scores.get(name, math.nan))
    ]
    return f"{level}s: {', '.join(texts)}" if texts else ""
