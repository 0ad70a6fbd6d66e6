"""What the detector reads from its reference frames, read off the real modules while they run.

`observe` detects in one frame exactly as `VideoDetector.detect` does. Hooks keep what goes into and comes out of every
SELSA layer and of Temporal RoI Align; the weights, which those modules do not return, are computed again from the
modules' own layers. Put together again they give the module's output, to rounding (`rebuilt` beside `output`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import decode_boxes
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.postprocess import select_detections
from clab_lite.detector.selsa import SelsaAggregator
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign, most_similar_roi_align, unit_vectors
from clab_lite.detector.video import PreparedFrame
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError


@dataclass(frozen=True)
class SelsaView:
    """One SELSA layer at work on R regions of the key frame and S reference proposals."""

    weights: Tensor
    """(blocks, R, S), each row sums to 1."""
    output: Tensor
    """(R, C), what the module returned."""
    rebuilt: Tensor
    """(R, C), from `weights`."""


@dataclass(frozen=True)
class TemporalView:
    """Temporal RoI Align at work on R regions of P x P cells and T reference maps."""

    index: Tensor
    """(T, R, P, P, k): the k most similar cells of every map, as row * width + column, the most similar first."""
    cosine: Tensor
    """(T, R, P, P, k), their cosines."""
    weights: Tensor
    """(1+T, blocks, R, P, P): of the region itself, then of every reference frame; sum to 1 over these."""
    map_size: tuple[int, int]
    """(height, width) of a map, in cells."""
    output: Tensor
    """(R, C, P, P), what the module returned."""
    rebuilt: Tensor
    """(R, C, P, P), from `index`, `cosine` and `weights`."""


@dataclass(frozen=True)
class Observation:
    """One detected frame, and where its evidence came from. The key frame is the last of its own references."""

    detections: dict[str, Tensor]
    """As `VideoDetector.detect` returns them, best first."""
    region: Tensor
    """(D,) the region of the key frame that each detection was made from."""
    regions: Tensor
    """(R, 4) in pixels of the resized frame."""
    reference_boxes: list[Tensor]
    """Per reference frame its proposals, in pixels of the resized frame; S boxes in all."""
    selsa: list[SelsaView]
    """Per layer of the box head."""
    temporal_call: tuple[TemporalRoIAlign, Tensor, Tensor, Tensor] | None
    """The module of Temporal RoI Align, its two inputs and its output; None for plain SELSA."""

    def temporal(self, region: int) -> TemporalView:
        """What one region gathered over time, R = 1: of one region it is computed in an instant, of all it is slow.

        Raises:
            DataError: the detector has no Temporal RoI Align.
        """
        if self.temporal_call is None:
            raise DataError("this detector is plain SELSA: it has no Temporal RoI Align. Take one with roi.temporal.")
        module, pooled, references, output = self.temporal_call
        chosen = slice(region, region + 1)
        with torch.no_grad():
            return temporal_view(module, pooled[chosen], references, output[chosen])


@torch.no_grad()
def observe(
    detector: VideoDetector, frame: PreparedFrame, memory: FrameMemory | None, own: FrameMemory | None = None
) -> Observation:
    """Detect in one frame and keep what the aggregation modules did.

    Args:
        detector: in eval mode.
        frame: the key frame.
        memory: of the reference frames; the key frame is added behind them, as `detect` does. None: the key frame
            is its own only reference.
        own: what the detector remembers of the key frame, where it is known already; else it is computed.

    Returns:
        The observation; its detections equal those of `detector.detect(frame.pixels, memory, ...)`.
    """
    if own is None:
        own = detector.remember(frame.pixels[None], [frame.image_size])
    everything = own if memory is None else FrameMemory.join([memory, own])
    regions = own.proposals[0]
    with _recorded(detector) as calls:
        logits, deltas = detector.score_regions(own.features, regions, everything)
    settings = detector.config.detection
    detections = select_detections(regions, logits, deltas, frame.image_size, frame.scale, settings)
    return Observation(
        detections,
        _region_of_each(detections, regions, logits, deltas, frame),
        regions,
        everything.proposals,
        [selsa_view(m, i[0], i[1], o) for m, i, o in calls if isinstance(m, SelsaAggregator)],
        next(((m, i[0][0], i[1][0], o[0]) for m, i, o in calls if isinstance(m, TemporalRoIAlign)), None),
    )


def selsa_view(module: SelsaAggregator, regions: Tensor, references: Tensor, output: Tensor) -> SelsaView:
    """The attention weights of one call, from the module's own `query`, `key`, `value` and `output` layers.

    Args:
        module: the layer.
        regions: (R, C), its first input.
        references: (S, C), its second input.
        output: (R, C), what it returned.
    """
    blocks = module.attention_blocks
    query, key, value = (
        layer(x).unflatten(1, (blocks, -1)).transpose(0, 1)  # (blocks, R or S, C/blocks)
        for layer, x in ((module.query, regions), (module.key, references), (module.value, references))
    )
    weights = (query @ key.transpose(1, 2) / math.sqrt(query.shape[2])).softmax(dim=2)
    rebuilt = module.output((weights @ value).transpose(0, 1).flatten(1))
    return SelsaView(weights, output, rebuilt)


def temporal_view(module: TemporalRoIAlign, pooled: Tensor, references: Tensor, output: Tensor) -> TemporalView:
    """The chosen cells and the frames' weights of one call, for one key frame.

    Args:
        module: the layer.
        pooled: (R, C, P, P), RoIAlign of the key frame's regions.
        references: (T, C, H, W).
        output: (R, C, P, P), what it returned.
    """
    gathered = most_similar_roi_align(pooled, references, module.most_similar)
    weights = _frame_weights(module, torch.cat([pooled[None], gathered]))
    index, cosine = most_similar_cells(pooled, references, module.most_similar)
    again = torch.cat([pooled[None], _gather(references, index, cosine)])
    groups = (weights.shape[1], pooled.shape[1] // weights.shape[1])
    rebuilt = (again.unflatten(2, groups) * weights.transpose(1, 2).unsqueeze(3)).sum(dim=0).flatten(1, 2)
    map_size = (references.shape[2], references.shape[3])
    return TemporalView(index, cosine, weights, map_size, output, rebuilt)


def most_similar_cells(pooled: Tensor, references: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """For every RoI cell the `count` most similar cells of every map -> index and cosine, (T, R, P, P, count) each."""
    regions, _, size, _ = pooled.shape
    cells = unit_vectors(pooled.permute(0, 2, 3, 1).flatten(0, 2))  # (R*P*P, C)
    found = []
    for values in references.flatten(2).transpose(1, 2):  # (H*W, C), one map at a time as the detector does
        found.append(torch.topk(cells @ unit_vectors(values).T, min(count, len(values)), dim=1))
    shape = (len(references), regions, size, size, -1)
    cosine, index = (torch.stack(part).reshape(shape) for part in zip(*found, strict=True))
    return index, cosine


def _gather(references: Tensor, index: Tensor, cosine: Tensor) -> Tensor:
    """The softmax-weighted mean of the chosen cells: (T, C, H, W) and (T, R, P, P, k) twice -> (T, R, C, P, P)."""
    maps = references.flatten(2)  # (T, C, H*W)
    chosen = torch.stack([cells[:, where] for cells, where in zip(maps, index, strict=True)])  # (T, C, R, P, P, k)
    return (chosen * cosine.softmax(dim=-1).unsqueeze(1)).sum(dim=-1).transpose(1, 2)


def _frame_weights(module: TemporalRoIAlign, frames: Tensor) -> Tensor:
    """(1+T, R, C, P, P), the key first -> (1+T, blocks, R, P, P)."""
    count, regions, channels, size, _ = frames.shape
    if module.embed is None:
        return frames.new_full((count, 1, regions, size, size), 1 / count)
    embedded = module.embed(frames.flatten(0, 1)).reshape(frames.shape)
    embedded = embedded.unflatten(2, (module.attention_blocks, channels // module.attention_blocks))
    similarity = (embedded * embedded[:1]).sum(dim=3) / math.sqrt(embedded.shape[3])  # (1+T, R, blocks, P, P)
    return similarity.softmax(dim=0).transpose(1, 2)


def _region_of_each(
    detections: dict[str, Tensor], regions: Tensor, logits: Tensor, deltas: Tensor, frame: PreparedFrame
) -> Tensor:
    """(D,) the region whose decoded box and score each detection is."""
    scores = logits.float().softmax(dim=1)
    boxes = decode_boxes(regions, deltas.float(), BOX_DELTA_STD, frame.image_size)
    boxes = boxes.unflatten(1, (-1, 4)) / boxes.new_tensor([*frame.scale, *frame.scale])
    boxes = boxes.expand(-1, scores.shape[1] - 1, -1)
    found = []
    for box, score, label in zip(detections["boxes"], detections["scores"], detections["labels"], strict=True):
        difference = (boxes[:, label] - box).abs().sum(dim=1) + (scores[:, label] - score).abs()
        found.append(int(difference.argmin()))
    return torch.tensor(found, dtype=torch.long)


@contextmanager
def _recorded(detector: VideoDetector) -> Iterator[list[tuple[nn.Module, Any, Any]]]:
    """Inside the block every call of SELSA and Temporal RoI Align is noted: (module, inputs, output)."""
    if detector.training:
        raise DataError("the detector is in training mode, where it remembers nothing. Call detector.eval() first.")
    calls: list[tuple[nn.Module, Any, Any]] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        calls.append((module, inputs, output))

    watched = [m for m in detector.modules() if isinstance(m, SelsaAggregator | TemporalRoIAlign)]
    hooks = [module.register_forward_hook(note) for module in watched]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
