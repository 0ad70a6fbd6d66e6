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
from clab_lite.detector.map_tables import MapTables
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.most_similar import MapPair, most_similar_cells
from clab_lite.detector.postprocess import select_detections
from clab_lite.detector.roi_align import as_grid, roi_cells
from clab_lite.detector.selsa import SelsaAggregator
from clab_lite.detector.sparse_rows import SparseRows
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign
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
    temporal_call: tuple[TemporalRoIAlign, Tensor, MapTables, list[MapTables], Tensor] | None
    """The module of Temporal RoI Align, its three inputs for this frame and its output; None for plain SELSA."""

    def temporal(self, region: int) -> TemporalView:
        """What one region gathered over time, R = 1: of one region it is computed in an instant, of all it is slow.

        Raises:
            DataError: the detector has no Temporal RoI Align.
        """
        if self.temporal_call is None:
            raise DataError("this detector is plain SELSA: it has no Temporal RoI Align. Take one with roi.temporal.")
        module, boxes, key, references, output = self.temporal_call
        chosen = slice(region, region + 1)
        with torch.no_grad():
            return temporal_view(module, boxes[chosen], key, references, output[chosen])


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
        next(((m, *(part[0] for part in i), o[0]) for m, i, o in calls if isinstance(m, TemporalRoIAlign)), None),
    )


def selsa_view(module: SelsaAggregator, regions: Tensor, remembered: Tensor, output: Tensor) -> SelsaView:
    """The attention weights of one call, from the module's own `query` and `output` layers.

    Args:
        module: the layer.
        regions: (R, C), its first input.
        remembered: (S, 2, C), its second input: keys and values of the references.
        output: (R, C), what it returned.
    """
    blocks = module.attention_blocks
    query, key, value = (
        x.unflatten(1, (blocks, -1)).transpose(0, 1)  # (blocks, R or S, C/blocks)
        for x in (module.query(regions), *remembered.unbind(dim=1))
    )
    weights = (query @ key.transpose(1, 2) / math.sqrt(query.shape[2])).softmax(dim=2)
    rebuilt = module.output((weights @ value).transpose(0, 1).flatten(1))
    return SelsaView(weights, output, rebuilt)


def temporal_view(
    module: TemporalRoIAlign, boxes: Tensor, key: MapTables, references: list[MapTables], output: Tensor
) -> TemporalView:
    """The chosen cells and the frames' weights of one call, for one key frame.

    Args:
        module: the layer.
        boxes: (R, 4), the key frame's regions, in pixels of the resized frame.
        key: its map.
        references: T maps.
        output: (R, C, P, P), what it returned.
    """
    config = module.config
    where, share = roi_cells(boxes, key.size, config.output_size, module.stride, config.sampling_ratio)
    cells = SparseRows.equal(where.flatten(0, 1), share.flatten(0, 1)).nonzero()
    pooled = cells.of(key.cells)  # (R*P*P, C)
    found = [most_similar_cells(cells, pooled, MapPair.of(key, r), config.most_similar) for r in references]
    gathered = [
        (reference.cells[index] * cosine.softmax(dim=1).unsqueeze(2)).sum(dim=1)
        for reference, (index, cosine) in zip(references, found, strict=True)
    ]
    frames = torch.stack([as_grid(part, config.output_size) for part in (pooled, *gathered)])
    weights = _frame_weights(module, frames)
    groups = (weights.shape[1], frames.shape[2] // weights.shape[1])
    rebuilt = (frames.unflatten(2, groups) * weights.transpose(1, 2).unsqueeze(3)).sum(dim=0).flatten(1, 2)
    shape = (len(references), len(boxes), config.output_size, config.output_size, -1)
    index, cosine = (torch.stack(part).reshape(shape) for part in zip(*found, strict=True))
    return TemporalView(index, cosine, weights, references[0].size, output, rebuilt)


def _frame_weights(module: TemporalRoIAlign, frames: Tensor) -> Tensor:
    """(1+T, R, C, P, P), the key first -> (1+T, blocks, R, P, P)."""
    count, regions, channels, size, _ = frames.shape
    if module.embed is None:
        return frames.new_full((count, 1, regions, size, size), 1 / count)
    embedded = module.embed(frames.flatten(0, 1)).reshape(frames.shape)
    blocks = module.config.attention_blocks
    embedded = embedded.unflatten(2, (blocks, channels // blocks))
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
