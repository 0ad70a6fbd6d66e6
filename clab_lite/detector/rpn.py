"""Region proposal network: anchors, proposals and its two losses."""

from __future__ import annotations

from typing import cast

import torch
import torchvision.ops
from torch import Tensor, nn
from torch.nn import functional

from clab_lite.config import AnchorConfig, ProposalConfig, RPNConfig, SamplerConfig
from clab_lite.detector.boxes import decode_boxes, encode_boxes
from clab_lite.detector.sampling import Samples, match, sample
from clab_lite.distributed import average_over_ranks

_DELTA_STD = 1.0
_SMOOTH_L1_BETA = 1 / 9


class RegionProposalNetwork(nn.Module):
    """Neck features (N, C, H, W) -> objectness logits (N, A) and deltas (N, A, 4) of A = H*W*K anchors.

    Anchors run over rows, then columns, then the K shapes. Source: Faster R-CNN (arXiv 1506.01497) section 3.1; goldens
    `rpn_cls_score`, `rpn_bbox_pred`, `anchors`.
    """

    def __init__(self, in_channels: int, config: RPNConfig) -> None:
        super().__init__()
        self.config = config
        shapes = len(config.anchors.scales) * len(config.anchors.ratios)
        self.conv = nn.Conv2d(in_channels, config.channels, 3, padding=1)
        self.objectness = nn.Conv2d(config.channels, shapes, 1)
        self.deltas = nn.Conv2d(config.channels, 4 * shapes, 1)
        for layer in (self.conv, self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(cast(Tensor, layer.bias), 0.0)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.conv(features))
        objectness = self.objectness(hidden).permute(0, 2, 3, 1).flatten(1)
        deltas = self.deltas(hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4))
        return objectness.float(), deltas.float()

    def anchors(self, features: Tensor) -> Tensor:
        """Anchors (A, 4) in pixels of the padded frame, for feature maps (N, C, H, W)."""
        return make_anchors(features.shape[-2], features.shape[-1], self.config.anchors, features.device)


def base_anchors(config: AnchorConfig) -> Tensor:
    """The K anchor shapes (K, 4) around the origin, ratio-major. Golden `base_anchors`."""
    scales = torch.tensor(config.scales)
    ratio = torch.tensor(config.ratios).sqrt()
    width = (config.stride / ratio[:, None] * scales).flatten()
    height = (config.stride * ratio[:, None] * scales).flatten()
    return torch.stack([-width, -height, width, height], dim=1) / 2


def make_anchors(height: int, width: int, config: AnchorConfig, device: torch.device) -> Tensor:
    """All anchors (height*width*K, 4), centred on the corners (x, y) * stride of the cells. Golden `anchors`."""
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    corners = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4) * config.stride
    return (corners + base_anchors(config).to(device)).reshape(-1, 4)


def propose(
    objectness: Tensor, deltas: Tensor, anchors: Tensor, image_size: tuple[int, int], config: ProposalConfig
) -> tuple[Tensor, Tensor]:
    """Proposals of one frame: the best `before_nms` anchors, decoded, clipped, suppressed.

    Args:
        objectness: (A,) logits.
        deltas: (A, 4).
        anchors: (A, 4).
        image_size: (height, width) of the frame before padding.
        config: how many to keep.

    Returns:
        boxes (R, 4) and scores (R,), best first, without gradient. Goldens `proposals_test`, `proposals_train`.
    """
    scores, order = objectness.detach().sigmoid().sort(descending=True)
    order = order[: config.before_nms]
    boxes = decode_boxes(anchors[order], deltas.detach()[order], _DELTA_STD, image_size)
    nonempty = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, scores = boxes[nonempty], scores[: config.before_nms][nonempty]
    keep = torchvision.ops.nms(boxes, scores, config.iou_threshold)[: config.after_nms]
    return boxes[keep], scores[keep]


def sample_anchors(
    anchors: Tensor, ground_truth: Tensor, image_size: tuple[int, int], config: SamplerConfig
) -> Samples:
    """Match and sample the anchors that lie wholly inside the frame; indices refer to all A anchors."""
    height, width = image_size
    inside = (anchors[:, :2] >= 0).all(dim=1) & (anchors[:, 2] < width) & (anchors[:, 3] < height)
    index = torch.nonzero(inside).flatten()
    samples = sample(match(anchors[index], ground_truth, config), config)
    return Samples(index[samples.positive], index[samples.negative], samples.matched)


def rpn_losses(
    objectness: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    ground_truth: list[Tensor],
    image_sizes: list[tuple[int, int]],
    config: SamplerConfig,
) -> tuple[Tensor, Tensor]:
    """Objectness cross-entropy and smooth-L1 box loss, both divided by the anchors sampled over the batch.

    Args:
        objectness: (N, A) logits.
        deltas: (N, A, 4).
        anchors: (A, 4).
        ground_truth: per frame (G, 4).
        image_sizes: per frame (height, width) before padding.
        config: matching and sampling.

    Returns:
        Two scalars. Goldens `loss_rpn_cls`, `loss_rpn_bbox`.
    """
    logits, labels, predicted, wanted, sampled = [], [], [], [], 0
    for i, boxes in enumerate(ground_truth):
        samples = sample_anchors(anchors, boxes, image_sizes[i], config)
        logits += [objectness[i, samples.positive], objectness[i, samples.negative]]
        labels += [torch.ones_like(logits[-2]), torch.zeros_like(logits[-1])]
        # As the official code counts: a frame without positives (or negatives) still adds one.
        sampled += max(len(samples.positive), 1) + max(len(samples.negative), 1)
        predicted.append(deltas[i, samples.positive])
        wanted.append(encode_boxes(anchors[samples.positive], boxes[samples.matched], _DELTA_STD))
    count = average_over_ranks(torch.tensor(float(sampled), device=objectness.device))
    classification = functional.binary_cross_entropy_with_logits(torch.cat(logits), torch.cat(labels), reduction="sum")
    regression = functional.smooth_l1_loss(
        torch.cat(predicted), torch.cat(wanted), reduction="sum", beta=_SMOOTH_L1_BETA
    )
    return classification / count, regression / count
