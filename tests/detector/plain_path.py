"""The plain path: a detector's own weights, applied in the order of the papers and of the official code, unshared.

For every key frame, the reference frames' proposals, RoI features and first layers are computed anew; every reference
map's most similar cells are gathered into one (1+T, R, C, P, P) tensor, and all of it is embedded. Slow and meant to be
read; `clab_lite.detector` must give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torchvision.ops
from torch import Tensor
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck

from clab_lite.config import ProposalConfig
from clab_lite.detector import VideoDetector
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.box_losses import box_losses, sample_rois
from clab_lite.detector.postprocess import select_detections
from clab_lite.detector.rpn import propose, rpn_losses
from clab_lite.detector.targets import ClipTargets, auxiliary_rows
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign

Size = tuple[int, int]


def extract_references(detector: VideoDetector, frames: Sequence[Tensor]) -> Tensor:
    """Neck features of the reference frames (M, C, H, W): all that the official code keeps of them."""
    with torch.no_grad():
        return torch.cat([extract_plainly(detector, frame[None])[1] for frame in frames])


def extract_plainly(detector: VideoDetector, frames: Tensor) -> tuple[Tensor, Tensor]:
    """C4 and neck features of frames (N, 3, H, W): every layer by itself, blocks as torchvision runs them."""
    c4, c5 = backbone_plainly(detector.backbone, frames)
    return c4, detector.neck(c5)


def backbone_plainly(backbone: Backbone, frames: Tensor) -> tuple[Tensor, Tensor]:
    """C4 and C5 by torchvision's own blocks."""
    x = functional.max_pool2d(torch.relu(backbone.bn1(backbone.conv1(frames))), 3, stride=2, padding=1)
    maps = []
    for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
        for block in stage:
            x = (Bottleneck if isinstance(block, Bottleneck) else BasicBlock).forward(block, x)
        maps.append(x)
    return maps[2], maps[3]


def detect_plainly(
    detector: VideoDetector, frame: Tensor, references: Tensor, size: Size, decide: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Detections of one frame (3, H, W) with reference maps (M, C, H, W); all frames of one size before padding.

    `decide` is the precision in which cells are compared, see `most_similar_roi_align`.
    """
    with torch.no_grad():
        _, features = extract_plainly(detector, frame[None])
        regions, logits, deltas = score_plainly(detector, features, references, size, decide)
        return select_detections(regions, logits, deltas, size, (1.0, 1.0), detector.config.detection)


def score_plainly(
    detector: VideoDetector, features: Tensor, references: Tensor, size: Size, decide: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """The key's regions (R, 4), their logits and deltas, from maps (1, C, H, W) and (M, C, H, W)."""
    frames = torch.cat([references, features])  # the key frame is one of its own references, the last
    objectness, deltas = detector.rpn(frames)
    anchors, config = detector.rpn.anchors(frames), detector.config.rpn.test_proposals
    proposals = [propose(o, d, anchors, size, config)[0] for o, d in zip(objectness, deltas, strict=True)]
    pooled = pool_over_time(detector, features, proposals[-1], frames, decide)
    logits, box_deltas = run_head(detector, pooled, pool(detector, frames, proposals))
    return proposals[-1], logits, box_deltas


def losses_plainly(detector: VideoDetector, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
    """What `VideoDetector.forward` returns, one key frame after the other. Anchors and regions are sampled by the
    library, in its order: the same random state gives the same ones.
    """
    config = detector.config
    batch = ClipTargets.build(clips, targets, config.supervise, config.num_classes)
    c4, features = extract_plainly(detector, clips.flatten(0, 1))
    objectness, deltas = detector.rpn(features)
    anchors, keys = detector.rpn.anchors(features), [key for key, _ in batch.roles]

    def proposed(frame: int, settings: ProposalConfig) -> Tensor:
        return propose(objectness[frame], deltas[frame], anchors, batch.sizes[frame], settings)[0]

    sizes = [batch.sizes[key] for key in keys]
    rpn = rpn_losses(objectness[keys], deltas[keys], anchors, batch.boxes, sizes, config.rpn.sampler)
    scored, rois = [], []
    for (key, references), boxes, labels in zip(batch.roles, batch.boxes, batch.labels, strict=True):
        candidates = proposed(key, config.rpn.train_proposals)
        rois.append(sample_rois(candidates, boxes, labels, config.num_classes, config.roi.sampler))
        own, others = features[key : key + 1], features[references]
        pooled = pool_over_time(detector, own, rois[-1].boxes, others, torch.float64)
        proposals = [proposed(frame, config.rpn.test_proposals) for frame in references]
        scored.append(run_head(detector, pooled, pool(detector, others, proposals)))
    logits, box_deltas = (torch.cat(part) for part in zip(*scored, strict=True))
    losses = (*rpn, *box_losses(logits, box_deltas, rois), contrast_plainly(detector, c4, clips, targets))
    return dict(zip(("rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast"), losses, strict=True))


def contrast_plainly(detector: VideoDetector, c4: Tensor, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:
    """The auxiliary branch on whole maps C4, or on the ground-truth regions of every frame."""
    rois, labels = auxiliary_rows(detector.config.contrast.level, clips, targets)
    if rois is not None:
        c4 = pool(detector, c4, [rois[rois[:, 0] == frame, 1:] for frame in range(len(c4))])
    assert detector.auxiliary is not None
    return detector.auxiliary(c4, labels)


def pool_over_time(
    detector: VideoDetector, features: Tensor, boxes: Tensor, references: Tensor, decide: torch.dtype
) -> Tensor:
    """Regions (R, 4) of a map (1, C, H, W), enriched by maps (T, C, H, W) -> (R, C, P, P)."""
    pooled = pool(detector, features, [boxes])
    if detector.temporal is None:
        return pooled
    queries = pooled if decide == pooled.dtype else pool(detector, features.to(decide), [boxes])
    return aggregate(detector.temporal, pooled, references, queries)


def pool(detector: VideoDetector, features: Tensor, boxes: list[Tensor]) -> Tensor:
    """RoIAlign by torchvision's operator: per-frame boxes -> (sum of R, C, P, P)."""
    roi, stride = detector.config.roi, detector.config.rpn.anchors.stride
    boxes = [each.to(features.dtype) for each in boxes]
    return torchvision.ops.roi_align(
        features.contiguous(), boxes, roi.output_size, 1 / stride, roi.sampling_ratio, aligned=True
    )


def aggregate(temporal: TemporalRoIAlign, pooled: Tensor, references: Tensor, queries: Tensor | None = None) -> Tensor:
    """Temporal RoI Align of regions (R, C, P, P) with maps (T, C, H, W). Queries: see `most_similar_roi_align`."""
    queries = pooled if queries is None else queries
    similar = most_similar_roi_align(queries, references, temporal.config.most_similar)
    frames = torch.cat([pooled[None], similar])  # (1+T, R, C, P, P)
    if temporal.embed is None:
        return frames.mean(dim=0)
    embedded = temporal.embed(frames.flatten(0, 1)).reshape(frames.shape)
    blocks = temporal.config.attention_blocks
    groups = (blocks, frames.shape[2] // blocks)
    embedded = embedded.unflatten(2, groups)  # (1+T, R, blocks, C/blocks, P, P)
    weight = ((embedded * embedded[:1]).sum(dim=3) / math.sqrt(groups[1])).softmax(dim=0)
    return (frames.unflatten(2, groups) * weight.unsqueeze(3)).sum(dim=0).flatten(1, 2)


def most_similar_roi_align(pooled: Tensor, references: Tensor, count: int) -> Tensor:
    """(T, R, C, P, P): for every RoI cell and map the softmax-weighted mean of its most similar cells, by cosine.

    Cells are compared in the precision of `pooled` (R, C, P, P): two float32 computations may choose differently where
    the second and the third cell are equal to seven digits; with float64 regions, float64 tells which is right.
    """
    regions, channels, size, _ = pooled.shape
    cells = pooled.permute(0, 2, 3, 1).reshape(-1, channels)  # (R*P*P, C)
    gathered = []
    for values in references.flatten(2).transpose(1, 2):  # (H*W, C)
        query, key = functional.normalize(cells, dim=1), functional.normalize(values.to(cells.dtype), dim=1)
        similarity, index = (query @ key.T).topk(min(count, len(values)), dim=1)
        weight = similarity.softmax(dim=1).to(values.dtype)
        gathered.append((values[index] * weight[..., None]).sum(dim=1))
    stacked = torch.stack(gathered).reshape(len(references), regions, size, size, channels)
    return stacked.permute(0, 1, 4, 2, 3)


def run_head(detector: VideoDetector, pooled: Tensor, pooled_references: Tensor) -> tuple[Tensor, Tensor]:
    """SELSA section 3.3: layer after layer, regions and reference regions side by side -> logits and deltas."""
    head = detector.box_head
    x, y = pooled.flatten(1), pooled_references.flatten(1)
    for layer, aggregator in zip(head.layers, head.aggregators, strict=True):
        x, y = layer(x), layer(y)
        blocks = (aggregator.attention_blocks, x.shape[1] // aggregator.attention_blocks)
        query, key, value = (
            linear(z).unflatten(1, blocks).transpose(0, 1)
            for linear, z in ((aggregator.query, x), (aggregator.key, y), (aggregator.value, y))
        )
        weight = (query @ key.transpose(1, 2) / math.sqrt(blocks[1])).softmax(dim=2)
        attended = aggregator.output((weight @ value).transpose(0, 1).flatten(1))
        x, y = torch.relu(x + attended), torch.relu(y)
    return head.classify(x), head.regress(x)
