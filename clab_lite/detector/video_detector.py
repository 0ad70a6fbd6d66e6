"""VideoDetector: assembles the parts. Losses in training; memory and detections in inference.

Data flow: frames -> backbone (C4, C5) -> neck -> RPN -> proposals -> RoIAlign -> Temporal RoI Align -> SELSA head.
The auxiliary branch reads C4 and is used only in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.config import DetectorConfig
from clab_lite.detector.backbone import Backbone, Neck
from clab_lite.detector.box_head import BoxHead
from clab_lite.detector.box_losses import RoITargets, box_losses, sample_rois
from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.detector.finite import require_finite
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.postprocess import select_detections
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.rpn import RegionProposalNetwork, propose, rpn_losses
from clab_lite.detector.targets import ClipTargets, auxiliary_rows
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign
from clab_lite.detector.video import References, detect_video

ImageSize = tuple[int, int]


class VideoDetector(nn.Module):
    """Faster R-CNN DC5 + SELSA + Temporal RoI Align, with a contrastive auxiliary branch (CLAB, arXiv 2508.20551).

    Frames are normalised float tensors, padded with zeros to a multiple of 16; boxes are pixels of the resized frame.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.neck_channels
        self.backbone = Backbone(config.backbone)
        self.neck = Neck(self.backbone.c5_channels, channels)
        self.rpn = RegionProposalNetwork(channels, config.rpn)
        roi = config.roi
        self.temporal = TemporalRoIAlign(channels, roi, config.rpn.anchors.stride) if roi.temporal else None
        self.box_head = BoxHead(channels, roi.output_size, config.num_classes, config.box_head)
        self.auxiliary = (
            AuxiliaryBranch(self.backbone.c4_channels, config.contrast) if config.contrast.enabled else None
        )
        # Convolutions are faster so, and the cells of a map are then rows of memory, as the look-ups need them.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extract(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (N, 3, H, W) -> C4 (N, C4, H/16, W/16) and neck features (N, C, H/16, W/16)."""
        c4, c5 = self.backbone(frames)
        return c4, self.neck(c5)

    # ---- training ----------------------------------------------------------------------------------------------

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Losses of a batch of clips.

        Args:
            clips: (B, 1+T, 3, H, W), key frame first, T >= 1.
            targets: per clip {"boxes": (G, 4), "labels": (G,), "image_size": (h, w)} of the key frame, resized
                pixels; optional "reference_sizes": T * (h, w) (default: the key's). With `supervise="all"` or
                object-level contrast also "reference_targets": T * {"boxes", "labels"}, and for object level
                "track_ids" in each.

        Returns:
            Unweighted scalars: rpn_objectness, rpn_box, box_class, box_regression, contrast.
        """
        batch = ClipTargets.build(clips, targets, self.config.supervise, self.config.num_classes)
        c4, features = self.extract(clips.flatten(0, 1))
        objectness, deltas = self.rpn(features)
        anchors = self.rpn.anchors(features)
        keys = [key for key, _ in batch.roles]
        rpn = self.config.rpn
        rpn_objectness, rpn_box = rpn_losses(
            objectness[keys], deltas[keys], anchors, batch.boxes, [batch.sizes[k] for k in keys], rpn.sampler
        )
        rois = []
        for i, key in enumerate(keys):
            boxes, _ = propose(objectness[key], deltas[key], anchors, batch.sizes[key], rpn.train_proposals)
            rois.append(
                sample_rois(boxes, batch.boxes[i], batch.labels[i], self.config.num_classes, self.config.roi.sampler)
            )
        references = sorted({frame for _, frames in batch.roles for frame in frames})
        proposals = {
            i: propose(objectness[i], deltas[i], anchors, batch.sizes[i], rpn.test_proposals)[0] for i in references
        }
        logits, box_deltas = self._score_clips(features, batch, rois, proposals)
        box_class, box_regression = box_losses(logits, box_deltas, rois)
        return {
            "rpn_objectness": rpn_objectness,
            "rpn_box": rpn_box,
            "box_class": box_class,
            "box_regression": box_regression,
            "contrast": self._contrast(c4, clips, targets),
        }

    def _score_clips(
        self, features: Tensor, batch: ClipTargets, rois: list[RoITargets], proposals: dict[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the box head on the sampled regions of every key frame, each with its own reference frames."""
        counts = [len(boxes) for boxes in proposals.values()]
        layers = [
            layer.split(counts)
            for layer in self.box_head.encode_references(self._pool(features, [*proposals.values()], [*proposals]))
        ]
        position = {frame: i for i, frame in enumerate(proposals)}
        encoded = [
            [torch.cat([layer[position[frame]] for frame in frames]) for layer in layers] for _, frames in batch.roles
        ]
        boxes = [r.boxes for r in rois]
        if self.temporal is None:
            pooled = list(self._pool(features, boxes, [key for key, _ in batch.roles]).split([len(b) for b in boxes]))
        else:
            tables = self.temporal.tables(features)
            references = [[tables[frame] for frame in frames] for _, frames in batch.roles]
            pooled = self.temporal(boxes, [tables[key] for key, _ in batch.roles], references)
        return self.box_head(pooled, encoded)

    def _contrast(self, c4: Tensor, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:
        if self.auxiliary is None:
            return c4.new_zeros((), dtype=torch.float32)
        rois, labels = auxiliary_rows(self.config.contrast.level, clips, targets)
        if rois is not None:
            roi = self.config.roi
            c4 = roi_align(c4, rois, roi.output_size, self.config.rpn.anchors.stride, roi.sampling_ratio)
        return self.auxiliary(c4, labels)

    def _pool(self, features: Tensor, boxes: list[Tensor], frames: list[int]) -> Tensor:
        """Plain RoIAlign: per-frame boxes (R, 4) on features[frame] -> (sum of R, C, P, P)."""
        rois = torch.cat([nn.functional.pad(b, (1, 0), value=frame) for b, frame in zip(boxes, frames, strict=True)])
        roi = self.config.roi
        return roi_align(features, rois, roi.output_size, self.config.rpn.anchors.stride, roi.sampling_ratio)

    # ---- inference ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def remember(self, frames: Tensor, image_sizes: Sequence[ImageSize]) -> FrameMemory:
        """Frames (M, 3, H, W) and their (height, width) before padding -> FrameMemory.

        Raises:
            FrameNotFinite: what was computed of a frame is not finite.
        """
        if self.training:
            raise RuntimeError("the detector is in training mode: call detector.eval() before remember() or detect().")
        frames = frames.to(self.neck.conv.weight.device)
        memory, objectness, deltas = self._look_at(frames, image_sizes)
        each, counts = [1] * len(frames), [len(boxes) for boxes in memory.proposals]
        found = [(objectness, each), (deltas, each), *((layer, counts) for layer in memory.encoded)]
        require_finite(self, found, lambda: self._look_at(frames, image_sizes))
        return memory

    def _look_at(self, frames: Tensor, image_sizes: Sequence[ImageSize]) -> tuple[FrameMemory, Tensor, Tensor]:
        """The memory of frames, and what the RPN says of them."""
        _, features = self.extract(frames)
        objectness, deltas = self.rpn(features)
        anchors = self.rpn.anchors(features)
        config = self.config.rpn.test_proposals
        proposals = [propose(objectness[i], deltas[i], anchors, size, config)[0] for i, size in enumerate(image_sizes)]
        pooled = self._pool(features, proposals, list(range(len(features))))
        tables = [] if self.temporal is None else self.temporal.tables(features)
        return FrameMemory(features, proposals, self.box_head.encode_references(pooled), tables), objectness, deltas

    def detect(
        self, frame: Tensor, memory: FrameMemory, image_size: ImageSize, scale: tuple[float, float] = (1.0, 1.0)
    ) -> dict[str, Tensor]:
        """Detections of one frame. The frame itself joins its reference frames, as in the official test path.

        Args:
            frame: (3, H, W) or (1, 3, H, W).
            memory: from `remember`, of frames padded to the same size.
            image_size: (height, width) of the frame before padding.
            scale: (x, y) factors by which the frame was resized; boxes come back in pixels of the original frame.

        Returns:
            {"boxes": (D, 4), "scores": (D,), "labels": (D,)}, best first.
        """
        own = self.remember(frame.reshape(1, *frame.shape[-3:]), [image_size])
        return self.detect_remembered(own, memory, [image_size], [scale])[0]

    @torch.no_grad()
    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[ImageSize],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        """Detections of every frame of `own`, each with itself and `memory` as its reference frames. See `detect`.

        Raises:
            FrameNotFinite: the scores or the boxes of a frame are not finite.
        """
        frames = own.split()
        memories = [FrameMemory.join([memory, frame]) for frame in frames]
        logits, deltas = self._score(frames, memories)
        counts = [len(boxes) for boxes in own.proposals]
        require_finite(self, [(logits, counts), (deltas, counts)], lambda: self._score(frames, memories))
        parts = zip(own.proposals, logits.split(counts), deltas.split(counts), image_sizes, scales, strict=True)
        return [select_detections(*part, self.config.detection) for part in parts]

    def score_regions(self, features: Tensor, regions: Tensor, memory: FrameMemory) -> tuple[Tensor, Tensor]:
        """Class logits and deltas of regions (R, 4) on neck features (1, C, H, W), with every frame of the memory."""
        tables = [] if self.temporal is None else self.temporal.tables(features)
        return self._score([FrameMemory(features, [regions], [], tables)], [memory])

    def _score(self, keys: list[FrameMemory], memories: list[FrameMemory]) -> tuple[Tensor, Tensor]:
        """Logits and deltas of the regions of key frames, one frame each, with every frame of their memories."""
        regions = [key.proposals[0] for key in keys]
        if self.temporal is None:
            pooled = [self._pool(key.features, key.proposals, [0]) for key in keys]
        else:
            pooled = self.temporal(regions, [key.tables[0] for key in keys], [memory.tables for memory in memories])
        return self.box_head(pooled, [memory.encoded for memory in memories])

    def detect_video(
        self, video: Sequence[Tensor], references: References = "adaptive", count: int | None = None
    ) -> Iterator[dict[str, Tensor]]:
        """Detections of every frame of a video, in order. See `clab_lite.detector.video.detect_video`.

        Args:
            video: normalised frames (3, h, w) of one size, not padded; any sequence, a frame is read when needed.
            references: "adaptive" spreads the reference frames evenly over the video (official); "sliding" takes
                those around each frame.
            count: reference frames; None is the configured number.
        """
        return detect_video(self, video, references, self.config.detection.references if count is None else count)
