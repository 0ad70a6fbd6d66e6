"""Sampling of RoIs and the two losses of the box head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from clab_lite.config import SamplerConfig
from clab_lite.detector.boxes import encode_boxes
from clab_lite.detector.sampling import match, sample
from clab_lite.distributed import average_over_ranks

BOX_DELTA_STD = 0.2
"""Deltas of the box head are divided by this (official)."""


@dataclass(frozen=True)
class RoITargets:
    """Sampled regions of one key frame, positives first.

    boxes (R, 4) pixels; labels (R,) with num_classes for background; deltas (P, 4) of the first P regions.
    """

    boxes: Tensor
    labels: Tensor
    deltas: Tensor


def sample_rois(
    proposals: Tensor, ground_truth: Tensor, labels: Tensor, num_classes: int, config: SamplerConfig
) -> RoITargets:
    """Match proposals (R, 4) with ground truth (G, 4); the ground truths themselves join in front of the proposals.

    Goldens `roi_bboxes`, `roi_labels`, `roi_bbox_targets`.
    """
    own = torch.arange(len(ground_truth), device=proposals.device)
    matched = torch.cat([own, match(proposals, ground_truth, config)])
    candidates = torch.cat([ground_truth, proposals])
    samples = sample(matched, config)
    boxes = candidates[torch.cat([samples.positive, samples.negative])]
    background = labels.new_full((len(samples.negative),), num_classes)
    deltas = encode_boxes(candidates[samples.positive], ground_truth[samples.matched], BOX_DELTA_STD)
    return RoITargets(boxes, torch.cat([labels[samples.matched], background]), deltas)


def box_losses(logits: Tensor, deltas: Tensor, targets: list[RoITargets]) -> tuple[Tensor, Tensor]:
    """Cross-entropy over all sampled regions and smooth-L1 over the positives, both divided by the sampled regions.

    Args:
        logits: (R, num_classes + 1), the key frames' regions one after another.
        deltas: (R, K*4), K = 1 or num_classes.
        targets: one per key frame.

    Returns:
        Two scalars. Goldens `loss_cls`, `loss_bbox`.
    """
    labels = torch.cat([t.labels for t in targets])
    wanted = torch.cat([t.deltas for t in targets])
    count = average_over_ranks(torch.tensor(float(len(labels)), device=logits.device)).clamp(min=1)
    positive = torch.nonzero(labels < logits.shape[1] - 1).flatten()
    per_class = deltas.float().unflatten(1, (-1, 4))
    which = labels[positive] if per_class.shape[1] > 1 else torch.zeros_like(positive)
    classification = functional.cross_entropy(logits.float(), labels, reduction="sum")
    regression = functional.smooth_l1_loss(per_class[positive, which], wanted, reduction="sum", beta=1.0)
    return classification / count, regression / count
