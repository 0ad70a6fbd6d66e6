"""One frame through a detector, with everything that passes between its parts kept for looking at.

Hooks listen to the detector's own modules while `detect` runs, and what is no module of its own (the first layers,
anchors, proposals, RoIAlign) is computed by the same layers and functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clab_lite.config import DetectorConfig
from clab_lite.data.references import adaptive_references
from clab_lite.data.video_index import FrameAnnotation, VideoIndex
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.rpn import propose
from clab_lite.detector.video import PreparedFrame, remember_frames
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.frames import load_frame
from clab_lite.trained import Trained

STAGES = ("stem", "layer1", "layer2", "C4", "C5", "neck")
"""Names of the feature maps, in order; C4 and C5 are the outputs of layer3 and layer4."""


@dataclass(frozen=True)
class Walk:
    """A frame and what each part of the detector made of it. A anchors, R proposals, P cells per side, K box codes."""

    detector: VideoDetector
    config: DetectorConfig
    class_names: tuple[str, ...]
    image: Tensor
    """(3, h, w) uint8, as stored."""
    truth: FrameAnnotation
    """Its objects, pixels of the stored frame, inclusive."""
    frame: PreparedFrame
    maps: dict[str, Tensor]
    """By `STAGES`: (1, C, H, W)."""
    objectness: Tensor
    """(A,) logits."""
    deltas: Tensor
    """(A, 4)."""
    anchors: Tensor
    """(A, 4) pixels of the prepared frame."""
    proposals: Tensor
    """(R, 4) pixels of the prepared frame, best first."""
    proposal_scores: Tensor
    """(R,)"""
    pooled: Tensor
    """(R, C, P, P) after RoIAlign."""
    aggregated: Tensor
    """(R, C, P, P) after Temporal RoI Align; the same as `pooled` where the detector has none."""
    logits: Tensor
    """(R, classes + 1), background last."""
    box_deltas: Tensor
    """(R, K*4)."""
    detections: dict[str, Tensor]
    """boxes (D, 4) pixels of the stored frame, scores (D,), labels (D,)."""
    references: int
    """How many reference frames the memory held."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(h, w, 3) of the stored frame."""
        return self.image.permute(1, 2, 0).numpy()

    @property
    def true_boxes(self) -> Tensor:
        """(G, 4) in pixels of the prepared frame, as training takes them."""
        boxes = torch.from_numpy(self.truth.boxes).float()
        return boxes * boxes.new_tensor([*self.frame.scale, *self.frame.scale])


def follow(trained: Trained, index: VideoIndex, video: int, frame: int) -> Walk:
    """Detect in one frame of a video, as `detect_video` does, and keep what passes between the parts."""
    detector, config = trained.detector.eval(), trained.config.detector
    device = torch.device("cpu")
    wanted = adaptive_references(index.videos[video].frame_count, config.detection.references)
    frames = ((number, load_frame(index, video, number, config.frame, device)) for number in dict.fromkeys(wanted))
    memory = remember_frames(detector, wanted, frames)
    prepared = load_frame(index, video, frame, config.frame, device)
    with torch.no_grad(), _listening(detector) as heard:
        found = detector.detect(prepared.pixels, memory, prepared.image_size, prepared.scale)
        objectness, deltas = (output[0] for output in heard["rpn"][1])
        anchors = detector.rpn.anchors(heard["neck"][1])
        size = prepared.image_size
        proposals, scores = propose(objectness, deltas, anchors, size, config.rpn.test_proposals)
        head_inputs, (logits, box_deltas) = heard["head"]
        roi, rois = config.roi, nn.functional.pad(proposals, (1, 0))  # all of frame 0
        stride = config.rpn.anchors.stride
        pooled = roi_align(heard["neck"][1], rois, roi.output_size, stride, roi.sampling_ratio)
        early = _early_maps(detector, prepared.pixels[None])
        maps = dict(zip(STAGES, (*early, *heard["backbone"][1], heard["neck"][1]), strict=True))
    return Walk(
        detector, config, trained.class_names, index.load_image(video, frame), index.annotation(video, frame), prepared,
        maps, objectness, deltas, anchors, proposals, scores,
        pooled, head_inputs[0][0], logits, box_deltas, found, len(wanted),
    )  # fmt: skip


def _early_maps(detector: VideoDetector, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The maps before C4, by the backbone's own layers: its forward pass may do their work without calling them."""
    backbone = detector.backbone
    stem = backbone.bn1(backbone.conv1(frame))
    layer1 = backbone.get_submodule("layer1")(nn.functional.max_pool2d(torch.relu(stem), 3, stride=2, padding=1))
    return stem, layer1, backbone.get_submodule("layer2")(layer1)


@contextmanager
def _listening(detector: VideoDetector) -> Iterator[dict[str, tuple[tuple[Any, ...], Any]]]:
    """While open: by name, the (inputs, output) of the last call of each part."""
    parts = {"backbone": detector.backbone, "neck": detector.neck, "rpn": detector.rpn, "head": detector.box_head}
    heard: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def hook(name: str) -> Any:
        return lambda _module, inputs, output: heard.__setitem__(name, (inputs, output))

    handles = [part.register_forward_hook(hook(name)) for name, part in parts.items()]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()
