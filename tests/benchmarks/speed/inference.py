"""One key frame at inference: the plain path against the library, in float32 and in bfloat16, and its memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from plain_path import detect_plainly, extract_references
from torch import Tensor

from clab_lite.detector import VideoDetector
from speed.alone import alone, megabytes_of
from speed.paired import compare
from speed.scene import Case


@dataclass(frozen=True)
class Ready:
    """A detector, the frames and what both ways keep of the references."""

    case: Case
    detector: VideoDetector
    frames: list[Tensor]

    @classmethod
    def of(cls, case: Case) -> Ready:
        return cls(case, case.detector(), case.frames())

    def plain(self, decide: torch.dtype = torch.float32) -> Callable[[], dict[str, Tensor]]:
        """The plain path; `decide` is the precision in which cells are compared."""
        maps = extract_references(self.detector, self.frames[1:])
        return lambda: detect_plainly(self.detector, self.frames[0], maps, self.case.size, decide)

    def ours(self, bfloat16: bool = False) -> Callable[[], dict[str, Tensor]]:
        """The library; the references are remembered here."""
        with self._autocast(bfloat16):
            memory = self.case.remember(self.detector, self.frames)

        def detect() -> dict[str, Tensor]:
            with self._autocast(bfloat16):
                return self.detector.detect(self.frames[0], memory, self.case.size)

        return detect

    def _autocast(self, enabled: bool) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


def measure(case: Case, turns: int) -> dict[str, Any]:
    """Times by `compare` in float32 and bfloat16, differences of the detections, memory of each way in MB."""
    ready = Ready.of(case)
    ours = ready.ours()
    found = compare(ready.plain(), {"float32": ours, "bfloat16": ready.ours(bfloat16=True)}, turns)
    exact = differences(ours(), ready.plain(torch.float64)())
    memory = {way: alone(memory_of, case, way) for way in ("plain", "ours")}
    return {"architecture": case.architecture, "size": case.size, **found, "differences": exact, "memory_mb": memory}


def memory_of(case: Case, way: str) -> dict[str, float]:
    """MB held before one key frame, its references' memory in it, and at most during it, in this process."""
    torch.set_num_threads(1)
    ready = Ready.of(case)
    before, most = megabytes_of(ready.plain() if way == "plain" else ready.ours())
    return {"before": before, "most": most}


def differences(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, float]:
    """Of detections: how many each way has, and how far scores and boxes (pixels) of partners are apart at most.

    Partners have one label and the nearest boxes, looked for from both sides: the order of equal scores is left open.
    """
    counts = {"found": len(found["scores"]), "wanted": len(wanted["scores"])}
    if counts["found"] != counts["wanted"]:
        return {**counts, "score": 1.0, "box": float("inf")}
    if not counts["found"]:
        return {**counts, "score": 0.0, "box": 0.0}
    distance = (found["boxes"][:, None] - wanted["boxes"]).abs().amax(dim=2)
    distance[found["labels"][:, None] != wanted["labels"]] = torch.inf
    nearest, partner = distance.min(dim=1)
    score = (found["scores"] - wanted["scores"][partner]).abs().max()
    return {
        **counts,
        "score": float(score),
        "box": float(torch.maximum(nearest.max(), distance.min(dim=0).values.max())),
    }
