"""The auxiliary branch: contrast on C4, only in training (CLAB, arXiv 2508.20551)."""

from __future__ import annotations

import torch
from pytorch_metric_learning.losses import NTXentLoss
from torch import Tensor, nn

from clab_lite.config import ContrastConfig
from clab_lite.detector.projector import projector
from clab_lite.distributed import gather_with_gradient


class AuxiliaryBranch(nn.Module):
    """C4 -> 3x3 convolution -> ReLU -> global average -> projector -> NT-Xent.

    The input may be whole frames (the official, frame-level form) or pooled regions (object level): the code is
    the same. Goldens `aux_head`, `aux_two_ranks`.
    """

    def __init__(self, in_channels: int, config: ContrastConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, config.channels, 3, padding=1)
        self.projector = projector(config.channels, config.hidden, config.embedding)
        self.loss = NTXentLoss(temperature=config.temperature)

    def embed(self, features: Tensor) -> Tensor:
        """Features (N, C4, H, W) -> embeddings (N, D), not normalised (the loss compares directions only)."""
        return self.projector(torch.relu(self.conv(features)).mean(dim=(2, 3)))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """NT-Xent of features (N, C4, H, W) whose labels (N,) are equal for positives, over all ranks' rows.

        Zero, with zero gradient, when no pair is positive or none is negative. Similarities are taken in float32
        also under autocast: exp(1 / temperature) and sums of it need the digits.
        """
        embeddings, labels = gather_with_gradient(self.embed(features).float(), labels)
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.loss(embeddings, labels)


def clip_labels(clips: int, frames_per_clip: int, device: torch.device) -> Tensor:
    """Labels (clips * frames_per_clip,) of frame-level contrast: frames of one clip are positives of each other."""
    return torch.arange(clips, device=device).repeat_interleave(frames_per_clip)


def track_labels(clip: Tensor, track: Tensor) -> Tensor:
    """Labels (N,) of object-level contrast: equal where both the clip (N,) and the track id (N,) are equal."""
    _, labels = torch.unique(torch.stack([clip, track], dim=1), dim=0, return_inverse=True)
    return labels
