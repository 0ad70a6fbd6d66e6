"""From detections to an `EvaluationReport`: inputs.py gathers, measure.py takes numbers, whole.py joins them."""

from clab_lite.scoring.whole import score

__all__ = ["score"]
