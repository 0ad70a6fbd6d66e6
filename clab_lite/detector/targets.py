"""Who is a key frame, who is its reference, and which ground truth belongs to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from clab_lite.detector.contrast import clip_labels, track_labels
from clab_lite.errors import DataError

ImageSize = tuple[int, int]


@dataclass(frozen=True)
class ClipTargets:
    """A batch of B clips of 1+T frames, flattened clip by clip into B*(1+T) frames.

    roles: per supervised key frame (its index, the indices of its references).
    sizes: per frame (height, width) before padding.
    boxes, labels: per key frame (G, 4) and (G,).
    """

    roles: list[tuple[int, list[int]]]
    sizes: list[ImageSize]
    boxes: list[Tensor]
    labels: list[Tensor]

    @classmethod
    def build(
        cls, clips: Tensor, targets: list[dict[str, Any]], supervise: Literal["key", "all"], num_classes: int
    ) -> ClipTargets:
        """Check the targets of clips (B, 1+T, 3, H, W) and give every frame its role."""
        if clips.ndim != 5 or clips.shape[1] < 2:
            raise DataError(
                f"clips have shape {tuple(clips.shape)}. "
                "Give (B, 1+T, 3, H, W) with T >= 1 reference frames after the key."
            )
        if len(targets) != len(clips):
            raise DataError(f"{len(clips)} clips came with {len(targets)} targets. Give one target per clip.")
        length = clips.shape[1]
        roles, sizes, boxes, labels = [], [], [], []
        for b, target in enumerate(targets):
            frames = list(range(b * length, (b + 1) * length))
            sizes += [target["image_size"], *target.get("reference_sizes", [target["image_size"]] * (length - 1))]
            supervised = [target] if supervise == "key" else [target, *_reference_targets(b, target, length)]
            for j, one in enumerate(supervised):
                _check_objects(b, j, one["boxes"], one["labels"], num_classes)
                roles.append((frames[j], frames[:j] + frames[j + 1 :]))
                boxes.append(one["boxes"].to(clips.device))
                labels.append(one["labels"].to(clips.device))
        return cls(roles, [(int(h), int(w)) for h, w in sizes], boxes, labels)


def auxiliary_rows(
    level: Literal["frame", "object"], clips: Tensor, targets: list[dict[str, Any]]
) -> tuple[Tensor | None, Tensor]:
    """What the auxiliary branch contrasts: (rois or None for whole frames, labels of the rows).

    Object level: one row (R, 5) per ground-truth box of any frame of the clip, in pixels of the padded frame; positives
    share the clip and the track. Objects without a track (id -1, as in still images) take no part.
    """
    count, length = clips.shape[:2]
    if level == "frame":
        return None, clip_labels(count, length, clips.device)
    rows, clip, track = [], [], []
    for b, target in enumerate(targets):
        for j, one in enumerate([target, *_reference_targets(b, target, length)]):
            tracked = _tracks(b, one) >= 0
            boxes = one["boxes"][tracked].to(clips.device)
            rows.append(torch.cat([boxes.new_full((len(boxes), 1), b * length + j), boxes], dim=1))
            clip.append(torch.full((len(boxes),), b, device=clips.device))
            track.append(one["track_ids"][tracked].to(clips.device))
    return torch.cat(rows), track_labels(torch.cat(clip), torch.cat(track))


def _reference_targets(clip: int, target: dict[str, Any], length: int) -> list[dict[str, Any]]:
    found = target.get("reference_targets", [])
    if len(found) != length - 1:
        raise DataError(
            f"target {clip} has {len(found)} reference_targets for {length - 1} reference frames. "
            'supervise="all" and object-level contrast need boxes of every frame.'
        )
    return list(found)


def _tracks(clip: int, target: dict[str, Any]) -> Tensor:
    if "track_ids" not in target:
        raise DataError(f'target {clip} has no "track_ids". Object-level contrast needs them; level="frame" does not.')
    return target["track_ids"]


def _check_objects(clip: int, frame: int, boxes: Tensor, labels: Tensor, num_classes: int) -> None:
    bad = torch.nonzero(~((boxes[:, 2:] > boxes[:, :2]).all(dim=1) & boxes.isfinite().all(dim=1))).flatten()
    if len(bad):
        first = int(bad[0])
        raise DataError(
            f"box {first} of frame {frame} of clip {clip} is {boxes[first].tolist()}. "
            "Boxes are (x1, y1, x2, y2) with x2 > x1 and y2 > y1; drop degenerate ones before training."
        )
    unknown = torch.nonzero((labels < 0) | (labels >= num_classes)).flatten()
    if len(unknown):
        first = int(unknown[0])
        raise DataError(
            f"label {first} of frame {frame} of clip {clip} is {int(labels[first])}. Labels are 0 to "
            f"{num_classes - 1}; a dataset with more classes needs a detector with a larger num_classes."
        )
