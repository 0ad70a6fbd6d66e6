"""How hard the two tasks pull at the features they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from clab_lite.detector.video_detector import VideoDetector
from clab_lite.training.calibrate import state_kept
from clab_lite.training.losses import compute_losses, total_loss


def share(detection: ArrayLike, contrast: ArrayLike, weight: ArrayLike) -> NDArray[np.float64]:
    """Part of the pull at C4 that comes from the weighted contrast: w*c / (d + w*c), in [0, 1]; 0 where nothing pulls.

    detection, contrast: norms of the two gradients, the second without its weight. Any shapes that fit.
    """
    pull = np.asarray(weight, np.float64) * np.asarray(contrast, np.float64)
    whole = pull + np.asarray(detection, np.float64)
    return np.divide(pull, whole, out=np.zeros(np.shape(whole)), where=whole > 0)


@dataclass(frozen=True)
class GradientBalance:
    """Gradients of the two tasks with respect to C4 (B*(1+T), C4, H/16, W/16), on one batch."""

    detection: float
    """Norm of the gradient of the four detection losses' sum."""
    contrast: float
    """Norm of the gradient of the contrast, its weight not applied."""
    cosine: float
    """Of the angle between the two; 0 when one of them is zero."""

    def share(self, weight: float) -> float:
        """Part of the pull at C4 that comes from the weighted contrast, 0 to 1: see `share`."""
        return float(share(self.detection, self.contrast, weight))


def gradient_balance(detector: VideoDetector, clips: Tensor, targets: list[dict[str, Any]]) -> GradientBalance:
    """Measure both gradients at C4 in training mode. Weights, statistics, gradients and random states stay the same.

    Args:
        detector: with an auxiliary branch.
        clips: (B, 1+T, 3, H, W) on the detector's device.
        targets: see `VideoDetector.forward`.

    Source of the idea: gradients at the last shared layer, as in GradNorm (arXiv 1711.02257) section 3.
    """
    kept: list[Tensor] = []
    handle = detector.backbone.register_forward_hook(lambda _module, _inputs, output: kept.append(output[0]))
    training = detector.training
    detector.train()
    try:
        with state_kept(detector), torch.enable_grad():
            losses = compute_losses(detector, clips, targets, "float32")
            c4 = kept[0]
            (detection,) = torch.autograd.grad(total_loss(losses, 0.0), c4, retain_graph=True)
            (contrast,) = torch.autograd.grad(losses["contrast"], c4, allow_unused=True, materialize_grads=True)
    finally:
        handle.remove()
        detector.train(training)
    cosine = torch.nn.functional.cosine_similarity(detection.flatten(), contrast.flatten(), dim=0)
    return GradientBalance(float(detection.norm()), float(contrast.norm()), float(cosine))
