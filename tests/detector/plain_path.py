"""The plain path: a detector's own weights, applied in the order of the papers and of the official code, unshared.

For every key frame, the reference frames' proposals, RoI features and first layers are computed anew; every reference
map's most similar cells are gathered into one (1+T, R, C, P, P) tensor, and all of it is embedded. Slow and meant to be
read; `clab_lite.detector` must give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torchvision.ops
from torch import Tensor
from torch.nn import functional

from clab_lite.detector import VideoDetector
from clab_lite.detector.postprocess import select_detections
from clab_lite.detector.rpn import propose
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign

Size = tuple[int, int]


def extract_references(detector: VideoDetector, frames: Sequence[Tensor]) -> Tensor:
    """Neck features of the reference frames (M, C, H, W): all that the official code keeps of them."""
    with torch.no_grad():
        return torch.cat([detector.extract(frame[None])[1] for frame in frames])


def detect_plainly(
    detector: VideoDetector, frame: Tensor, references: Tensor, size: Size, decide: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Detections of one frame (3, H, W) with reference maps (M, C, H, W); all frames of one size before padding.

    `decide` is the precision in which cells are compared, see `most_similar_roi_align`.
    """
    with torch.no_grad():
        _, features = detector.extract(frame[None])
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
    pooled = pool(detector, features, proposals[-1:])
    if detector.temporal is not None:
        cells = pooled if decide == pooled.dtype else pool(detector, features.to(decide), [proposals[-1].to(decide)])
        pooled = aggregate(detector.temporal, pooled, frames, cells)
    logits, box_deltas = run_head(detector, pooled, pool(detector, frames, proposals))
    return proposals[-1], logits, box_deltas


def pool(detector: VideoDetector, features: Tensor, boxes: list[Tensor]) -> Tensor:
    """RoIAlign by torchvision's operator: per-frame boxes -> (sum of R, C, P, P)."""
    roi, stride = detector.config.roi, detector.config.rpn.anchors.stride
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
