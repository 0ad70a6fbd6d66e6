"""Run by test_train.py: trains, and kills its own process (SIGKILL) in the middle of a step.

usage: killed_run.py DATASET RUN_FOLDER STEP
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from torch import Tensor
from training_world import micro_config

from clab_lite.data import open_dataset
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.train import train


class _Dying(VideoDetector):
    """Kills the process in its n-th call."""

    calls_left = 0

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        self.calls_left -= 1
        if self.calls_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(clips, targets)


if __name__ == "__main__":
    import torch

    config = micro_config()
    torch.manual_seed(config.train.seed)
    detector = _Dying(config.detector)
    detector.calls_left = int(sys.argv[3])
    index = open_dataset(sys.argv[1], "train", cache=False)
    train(config, index, sys.argv[2], device="cpu", progress=False, detector=detector)
