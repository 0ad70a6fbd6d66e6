"""The table of docs/scaling.md: the paper presets on 1 to 32 GPUs, by the cost model alone."""

from __future__ import annotations

from pathlib import Path

from clab_lite import presets
from clab_lite.scaling import VID_FRAME_BYTES, VID_KEY_FRAMES, Cost, detector_weights
from trials.page import ROOT

PAGE: Path = ROOT / "docs" / "scaling.md"
GPUS = (1, 2, 4, 8, 16, 32)
PRESETS = ("paper-r50", "paper-r101", "paper-x101")
_LINK = 1.25e9
"""Bytes per second of 10 Gbit/s."""


def cost_rows() -> list[str]:
    """Two tables: what depends on the number of GPUs, and what does not."""
    rows = [
        f"ImageNet VID + DET, {VID_KEY_FRAMES:,} key frames an epoch, 2 clips of 3 frames a GPU. A step takes t "
        "seconds: what you measure. "
        f"A frame of a video has {VID_FRAME_BYTES / 1e3:.0f} kB at most (the archive's size by its frames); DET's "
        "still images are not counted apart.",
        "",
        "| GPUs | steps an epoch | hours an epoch | MB sent by each GPU in a step: R50, R101, X101 "
        "| of them embeddings | seconds at 10 Gbit/s | frames a step | MB a step from the disk |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for gpus in GPUS:
        costs = [Cost.of(presets.named(name), gpus) for name in PRESETS]
        one = costs[0]
        sent = ", ".join(f"{cost.sent / 1e6:.0f}" for cost in costs)
        seconds = ", ".join(f"{cost.sent / _LINK:.2f}" for cost in costs)
        rows.append(
            f"| {gpus} | {one.steps_per_epoch:,} | {one.steps_per_epoch / 3600:.2f} t | {sent} "
            f"| {one.embeddings / 1e6:.3f} | {seconds} | {one.frames} | {one.frames * VID_FRAME_BYTES / 1e6:.1f} |"
        )
    rows += [
        "",
        "| preset | trained parameters | checkpoint, MB | weights, gradients and momentum of a GPU, GB |",
        "|---|---|---|---|",
    ]
    for name in PRESETS:
        weights = detector_weights(presets.named(name))
        rows.append(
            f"| `{name}` | {weights.trained / 1e6:.1f} million | {weights.checkpoint_bytes / 1e6:.0f} "
            f"| {weights.state_bytes / 1e9:.2f} |"
        )
    return rows
