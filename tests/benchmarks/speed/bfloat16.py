"""AP50 of the shipped tiny detector on the bundled held-out videos, in float32 and in bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import clab_lite as cl
from clab_lite.data.subset import Subset
from clab_lite.trained import load_run

ROOT = Path(__file__).parents[3]


def measure(videos: int | None = None) -> dict[str, Any]:
    """AP50 (COCO's protocol) by precision; `videos` limits how many are looked at."""
    detector = load_run(ROOT / "data_samples/trained/clab.safetensors").detector
    index = cl.data.open_dataset(ROOT / "data_samples", split="val")
    subset = Subset(max_videos=videos) if videos else None
    reports = {
        precision: cl.evaluate(detector, index, subset=subset, precision=precision, progress=False)
        for precision in ("float32", "bfloat16")
    }
    return {
        "frames": reports["float32"].protocols["coco"].scores["all"].frames,
        "ap50": {name: report.protocols["coco"].scores["all"].value for name, report in reports.items()},
    }
