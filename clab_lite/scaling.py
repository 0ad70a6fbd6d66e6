"""What a training on many GPUs costs: steps, bytes between processes and from the disk (formulas: docs/scaling.md).

All is arithmetic of the configuration; only the seconds of a step must be measured. `make scaling` compares the bytes
with those that really travel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import nn

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.schedule import count_iterations

NUMBER = 4
"""Bytes of a float32: weights, gradients and momentum have that width in both precisions."""
LABEL = 8
"""Bytes of an integer."""
VID_FRAME_BYTES = 86e9 / (1_122_397 + 176_126)
"""Of a frame of ImageNet VID, at most: the archive's size by the frames of its training and validation videos (its test
videos have not been counted)."""
VID_KEY_FRAMES = 57_834 + 53_639
"""Of an epoch of the official recipe: the rows of the published lists of VID and DET."""


@dataclass(frozen=True)
class Weights:
    """Sizes of a detector."""

    parameters: int
    """Numbers of all parameters."""
    trained: int
    """Of those that are trained: each has a gradient and a momentum."""
    buffer_bytes: int
    """BatchNorm statistics, which process 0 hands to the others before every step."""

    @classmethod
    def of(cls, module: nn.Module) -> Weights:
        """Counted in a module (it may be on the meta device)."""
        trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
        buffers = sum(buffer.numel() * buffer.element_size() for buffer in module.buffers())
        return cls(sum(p.numel() for p in module.parameters()), trained, buffers)

    @property
    def gradient_bytes(self) -> int:
        """G: what is averaged after every step."""
        return self.trained * NUMBER

    @property
    def state_bytes(self) -> int:
        """Weights, gradients and momentum: what a GPU holds beside activations, and FSDP would share out."""
        return self.parameters * NUMBER + 2 * self.gradient_bytes

    @property
    def checkpoint_bytes(self) -> int:
        """Weights, statistics and momentum."""
        return self.parameters * NUMBER + self.gradient_bytes + self.buffer_bytes


@dataclass(frozen=True)
class Cost:
    """A training of N processes. Bytes are sent by one process in one step, apart from those named otherwise."""

    weights: Weights
    processes: int
    key_frames: int = VID_KEY_FRAMES
    clips: int = 2
    """Of each process."""
    frames_per_clip: int = 3
    embedding: int = 128
    """Numbers of a frame's vector in the contrast; 0 without contrast."""

    @classmethod
    def of(cls, config: Config, processes: int, key_frames: int = VID_KEY_FRAMES) -> Cost:
        """That of a configuration, with frame-level contrast."""
        contrast = config.detector.contrast
        return cls(
            detector_weights(config), processes, key_frames, config.train.clips_per_rank, 1 + config.data.references,
            contrast.embedding if contrast.enabled else 0,
        )  # fmt: skip

    @property
    def steps_per_epoch(self) -> int:
        """Rounded up, as the training loop counts the whole run."""
        train = replace(presets.paper().train, clips_per_rank=self.clips, epochs=1.0, iterations=None)
        return count_iterations(train, self.key_frames, self.processes)

    @property
    def gradients(self) -> float:
        """Ring all-reduce: 2 (N - 1) / N of G."""
        return 2 * self._others / self.processes * self.weights.gradient_bytes

    @property
    def statistics(self) -> float:
        """The buffers, from process 0 to N - 1 others: the mean over the processes."""
        return self._others / self.processes * self.weights.buffer_bytes

    @property
    def embeddings(self) -> float:
        """The own rows to N - 1 others, with a label each, and the number of rows with the largest label before."""
        if not self.embedding:
            return 0
        rows = self.clips * self.frames_per_clip
        return self._others * (rows * (self.embedding * NUMBER + LABEL) + 2 * LABEL)

    @property
    def numbers(self) -> float:
        """Counts of anchors and regions (two float32) and the vote to stop (an integer), each all-reduced."""
        return 2 * self._others / self.processes * (2 * NUMBER + LABEL)

    @property
    def sent(self) -> float:
        """All of them."""
        return self.gradients + self.statistics + self.embeddings + self.numbers

    @property
    def frames(self) -> int:
        """Read and decoded in one step, by all processes together."""
        return self.processes * self.clips * self.frames_per_clip

    def epoch_hours(self, step_seconds: float, bytes_per_second: float = math.inf) -> tuple[float, float]:
        """Hours of an epoch: when sending hides behind computing, and when nothing of it does.

        Args:
            step_seconds: of one GPU alone with as many clips: measured.
            bytes_per_second: that one process can send.
        """
        sending = self.sent / bytes_per_second
        best, worst = max(step_seconds, sending), step_seconds + sending
        return self.steps_per_epoch * best / 3600, self.steps_per_epoch * worst / 3600

    @property
    def _others(self) -> int:
        return self.processes - 1


@cache
def detector_weights(config: Config) -> Weights:
    """Of a configuration's detector, without making its tensors."""
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    with torch.device("meta"):
        return Weights.of(VideoDetector(replace(config.detector, backbone=backbone)))
