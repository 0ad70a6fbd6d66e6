"""Ranked contrast beside a detector's training, in the place of CLAB's branch: regions of C4 instead of crops. Ours.

The trainer multiplies the loss by weight(progress), as it does with CLAB's branch: lambda(t), from a small start to 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.config import ContrastConfig, DetectorConfig, SamplerConfig
from clab_lite.detector.boxes import clip_boxes
from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.sampling import match
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.distributed import gather_uneven, join_rows
from clab_lite.errors import DataError
from clab_lite.methods.ranked.config import RankedConfig
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.shared.momentum import MomentumEncoder
from clab_lite.methods.shared.queue import LabelledBank

JITTER = 0.15
"""Regions are annotated boxes whose corners move by up to this share of the box's sides."""
_MATCHING = SamplerConfig(positive_iou=0.5, negative_iou=0.5, min_positive_iou=1.0)
_LEAST_SIDE = 1.0
"""Pixels; thinner regions are left out."""


@dataclass(frozen=True)
class Regions:
    """R regions of a batch and the annotated box that each belongs to; pixels of the padded frames."""

    anchors: Tensor
    """(R, 5) row of the frame, box: a moved copy of an annotated box that still overlaps one by IoU 0.5."""
    keys: Tensor
    """(R, 5) row of the frame, the annotated box."""
    labels: Tensor
    """(R,)"""


class RankedBranch(nn.Module):
    """C4 regions -> 3x3 convolution -> average -> projector, a slow copy of it for the keys, and a bank.

    (regions as features) -> scalar loss; 0, connected to the graph, without a region. Each call in training moves the
    slow copy and the bank on: after the loss, before the optimizer's step. Several processes: the regions of all.
    """

    def __init__(self, in_channels: int, contrast: ContrastConfig, config: RankedConfig, ranking: Ranking) -> None:
        super().__init__()
        self.config = config
        temperatures = (config.lowest_temperature, config.highest_temperature)
        self.ranks = Ranks.of_similarity(ranking.similarity(config.ranks), config.ranks, *temperatures)
        self.query = _Embedding(AuxiliaryBranch(in_channels, contrast))
        self.key = MomentumEncoder(self.query, config.ema)
        self.bank = LabelledBank(config.bank, contrast.embedding)

    def forward(self, anchors: Tensor, keys: Tensor, labels: Tensor) -> Tensor:
        """Features (R, C4, P, P) of anchors and of their keys, labels (R,) -> the loss."""
        with torch.autocast(anchors.device.type, enabled=False):
            query, slow = join_rows(self.query(anchors.float())), gather_uneven(self.key(keys.detach().float()))
            labels = gather_uneven(labels)
            if not len(labels):
                return query.sum() * 0
            inputs = (query, slow, self.bank.vectors, labels, self.bank.labels)
            total = ranked_loss(*inputs, self.ranks, self.config.variant, self.config.rank_reduction).total
        if self.training and torch.is_grad_enabled():
            self.key.update(self.query)
            self.bank.push(slow, labels)
        return total


class _Embedding(nn.Module):
    """The embedding of CLAB's branch without its loss."""

    def __init__(self, branch: AuxiliaryBranch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, features: Tensor) -> Tensor:
        return self.branch.embed(features)


class VideoDetectorWithRanking(VideoDetector):
    """A VideoDetector whose "contrast" loss is the ranked one. Give it to `clab_lite.train(detector=...)`.

    In inference it is a VideoDetector; its checkpoint also holds the branch, so export `detector_state`.

    Raises:
        DataError: the ranking is of another number of classes than the detector.
    """

    def __init__(self, config: DetectorConfig, ranked: RankedConfig, ranking: Ranking) -> None:
        super().__init__(replace(config, contrast=replace(config.contrast, enabled=False)))
        if len(ranking.class_names) != config.num_classes:
            raise DataError(
                f"the ranking has {len(ranking.class_names)} classes, the detector {config.num_classes}. "
                "Read the ranking with the dataset's class names."
            )
        self.ranked = RankedBranch(self.backbone.c4_channels, config.contrast, ranked, ranking)

    def _contrast(self, c4: Tensor, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:
        regions = regions_of(targets, clips.shape[1], clips.device)
        roi, stride = self.config.roi, self.config.rpn.anchors.stride
        anchors, keys = (
            roi_align(c4, rows, roi.output_size, stride, roi.sampling_ratio) for rows in (regions.anchors, regions.keys)
        )
        return self.ranked(anchors, keys, regions.labels)

    def detector_state(self) -> dict[str, Tensor]:
        """The weights of the plain VideoDetector (of the same configuration, without a branch)."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("ranked.")}


def regions_of(targets: list[dict[str, Any]], clip_length: int, device: torch.device) -> Regions:
    """A moved copy of every annotated box of the key frames, and of reference frames whose boxes are told.

    The copy takes its label by matching, as a proposal would: from the annotated box that it overlaps most, by IoU 0.5
    or more. It is drawn from torch's global generator.
    """
    anchors, keys, labels = [torch.zeros(0, 5)], [torch.zeros(0, 5)], [torch.zeros(0, dtype=torch.int64)]
    for clip, target in enumerate(targets):
        frames = [target, *target.get("reference_targets", ())]
        sizes = [target["image_size"], *target.get("reference_sizes", [target["image_size"]] * (len(frames) - 1))]
        for frame, (one, size) in enumerate(zip(frames, sizes, strict=False)):
            boxes = one["boxes"].cpu().float()
            if not len(boxes):
                continue
            sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
            moved = clip_boxes(boxes + JITTER * (2 * torch.rand(boxes.shape) - 1) * sides, size)
            owner = match(moved, boxes, _MATCHING)
            kept = (owner >= 0) & ((moved[:, 2:] - moved[:, :2]).amin(dim=1) >= _LEAST_SIDE)
            row = torch.full((int(kept.sum()), 1), float(clip * clip_length + frame))
            anchors.append(torch.cat([row, moved[kept]], dim=1))
            keys.append(torch.cat([row, boxes[owner[kept]]], dim=1))
            labels.append(one["labels"].cpu()[owner[kept]])
    return Regions(torch.cat(anchors).to(device), torch.cat(keys).to(device), torch.cat(labels).to(device))
