"""Class scores and deltas of regions -> detections of one frame."""

from __future__ import annotations

import torch
import torchvision.ops
from torch import Tensor

from clab_lite.config import DetectionConfig
from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import decode_boxes


def select_detections(
    regions: Tensor,
    logits: Tensor,
    deltas: Tensor,
    image_size: tuple[int, int],
    scale: tuple[float, float],
    config: DetectionConfig,
) -> dict[str, Tensor]:
    """Decode, suppress per class, keep the best.

    Args:
        regions: (R, 4) pixels of the resized frame.
        logits: (R, num_classes + 1), background last.
        deltas: (R, K*4), K = 1 or num_classes.
        image_size: (height, width) of the resized frame before padding.
        scale: (x, y) factors by which the frame was resized; boxes are divided by them before suppression (official).
        config: thresholds.

    Returns:
        {"boxes": (D, 4), "scores": (D,), "labels": (D,)}, best first. Golden `frameK_dets`.
    """
    scores = logits.float().softmax(dim=1)[:, :-1]
    boxes = decode_boxes(regions, deltas.float(), BOX_DELTA_STD, image_size)
    boxes = boxes.unflatten(1, (deltas.shape[1] // 4, 4))
    boxes = (boxes / boxes.new_tensor([*scale, *scale])).expand(-1, scores.shape[1], -1)
    region, label = torch.nonzero(scores > config.score_threshold, as_tuple=True)
    boxes, scores = boxes[region, label], scores[region, label]
    keep = torchvision.ops.batched_nms(boxes, scores, label, config.iou_threshold)[: config.max_detections]
    return {"boxes": boxes[keep], "scores": scores[keep], "labels": label[keep]}
