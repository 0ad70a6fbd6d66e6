"""Run by checks.py with the Python of an environment, in an empty folder: from drawing a dataset to embeddings.

One process, because to import torch takes longer than most of these commands.
"""

from __future__ import annotations

import sys
import traceback

_SAMPLES = "--train-videos 6 --val-videos 4 --train-frames 6 --val-frames 6 --width 96 --height 64"
COMMANDS = (
    f"make-samples world {_SAMPLES}",
    "check world",
    "train world --preset tiny --out run --device cpu --train.iterations 4 --train.checkpoint-every 2",
    "evaluate run world --device cpu",
    "detect run world/Data/VID/val/ILSVRC2015_val_00000000 --device cpu --out found --draw video",
    "export run weights.safetensors",
    "export run official.pth",
    "embed run world --device cpu --method pca",
)
"""Each needs what the ones before it wrote."""
FAILED = "failed: "


def _run() -> None:
    from clab_lite.cli import main

    for line in COMMANDS:
        print(f"$ clab-lite {line}", flush=True)
        try:
            status = main(line.split())
        except Exception:  # a bug: the command is named below
            traceback.print_exc()
            status = 1
        if status != 0:
            sys.exit(f"{FAILED}{line.split()[0]}")


if __name__ == "__main__":
    _run()
