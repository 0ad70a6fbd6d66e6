"""The proof that inference does not know the auxiliary branch: same bits, fewer parameters, no time."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from statistics import median

from clab_lite.branch_cost import branch_cost
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.evaluate import detect_dataset
from clab_lite.report_data import InferenceCost


@dataclass(frozen=True)
class InferenceProof:
    """The detector as trained beside a copy whose branch was deleted."""

    cost: InferenceCost
    milliseconds_with: float
    """Per frame: the median of repeated detections of one video."""
    milliseconds_without: float
    spread: float
    """Milliseconds between the fastest and the slowest repetition of one and the same detector: the noise."""

    def __str__(self) -> str:
        cost = self.cost
        gone = cost.parameters_with - cost.parameters_without
        apart = abs(self.milliseconds_with - self.milliseconds_without)
        noise = "lies inside the noise" if apart <= self.spread else "is larger than the noise of this measurement"
        verdict = "the same bits" if cost.largest_difference == 0 else f"differ by {cost.largest_difference:g}"
        return (
            f"                       with branch   branch deleted\n"
            f"parameters            {cost.parameters_with:12,d}     {cost.parameters_without:12,d}"
            f"   ({gone:,d} fewer, {gone / cost.parameters_with:.1%})\n"
            f"milliseconds a frame  {self.milliseconds_with:12.0f}     {self.milliseconds_without:12.0f}"
            f"   (the same one repeated: up to {self.spread:.0f} apart)\n"
            f"the difference of {apart:.0f} ms {noise}\n"
            f"boxes, scores, labels of {cost.frames} frames: {verdict}"
        )


def inference_proof(detector: VideoDetector, index: VideoIndex, repetitions: int = 3) -> InferenceProof:
    """Detect with and without the branch, compare every number, and time both in turn.

    Args:
        detector: in eval mode, with its branch; it is not changed.
        index: the videos; one short one is enough.
        repetitions: timed runs of each.
    """
    cost = branch_cost(detector, index)
    bare = copy.deepcopy(detector)
    bare.auxiliary = None
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(repetitions):  # in turn: a machine that becomes busy is busy for both
        for has_branch, model in ((True, detector), (False, bare)):
            began = time.perf_counter()
            for _ in detect_dataset(model, index, progress=False):
                pass
            times[has_branch].append((time.perf_counter() - began) * 1000 / max(index.frame_count, 1))
    spread = max(max(values) - min(values) for values in times.values())
    return InferenceProof(cost, median(times[True]), median(times[False]), spread)
