"""CrossCL as the auxiliary loss of a detector in training: the detector's own stages are the query network.

A detector of this class trains with `clab_lite.train.train(..., detector=...)` as it is: the loop multiplies "contrast"
by weight(progress), which falls to zero in a straight line as CLAB's does (specification, section 8):

    total = four detection losses + weight(progress) * L_cross
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from clab_lite.config import DetectorConfig
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.devices import precise_type
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.crosscl.data import PairBatch
from clab_lite.methods.crosscl.model import RegionContrast
from clab_lite.methods.shared.views import crop_rectangle


class CrossStageDetector(VideoDetector):
    """`VideoDetector` whose "contrast" is the weighted total of CrossCL instead of CLAB's NT-Xent.

    The parts it adds are `cross` (pyramid, image head, key copies, queue); `detector_state` is a plain detector's.
    Its C5 is dilated, so P5 would have P4's stride; levels 2 to 4 are as in pre-training.

    Args:
        config: of the detector; CLAB's own branch is switched off.
        cross: of CrossCL; its backbone and recipe are not used. The queue must hold a whole number of clip batches.
    """

    def __init__(self, config: DetectorConfig, cross: CrossCLConfig) -> None:
        super().__init__(config)
        self.auxiliary = None
        self.cross = RegionContrast(self.backbone, cross)
        self.last_terms: dict[str, Tensor] = {}

    def _contrast(self, c4: Tensor, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:  # noqa: ARG002
        batch = pairs_from_clips(clips, targets, self.cross.config)
        terms = self.cross(self.backbone, batch)
        # The loop knows no update(). The queue's tensor is replaced, not changed, so backward still has the old one.
        self.cross.update()
        self.last_terms = {name: value.detach() for name, value in terms.items()}
        return terms["total"]

    def detector_state(self) -> dict[str, Tensor]:
        """The weights of a plain `VideoDetector` without branch."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("cross.")}


def pairs_from_clips(clips: Tensor, targets: list[dict[str, Any]], config: CrossCLConfig) -> PairBatch:
    """Two views per clip, from the clip itself: two random crops of its key frame, or key and first reference whole.

    The rectangles come from torch's global generator, which the training loop seeds per iteration. Colours are as the
    detector's data left them; no further change is made here (our choice).

    Args:
        clips: (B, 1+T, 3, H, W), normalised, padded at the right and bottom.
        targets: "image_size" (h, w) before padding, of each.
        config: image_size, views and crop_area_min.
    """
    sides: tuple[list[Tensor], list[Tensor]] = ([], [])
    crops: tuple[list[tuple[int, ...]], list[tuple[int, ...]]] = ([], [])
    for clip, target in zip(clips, targets, strict=True):
        height, width = target["image_size"]
        temporal = config.views == "temporal"
        for side in (0, 1):
            crop = (0, 0, width, height)
            if not temporal:
                crop = crop_rectangle(height, width, (config.crop_area_min, 1.0))
            left, top, right, bottom = crop
            part = clip[side if temporal else 0, :, top:bottom, left:right]
            size = (config.image_size, config.image_size)
            sides[side].append(interpolate(part[None], size, mode="bilinear", antialias=True)[0])
            crops[side].append(crop)
    exact = precise_type(clips.device)
    query_crops, key_crops = (torch.tensor(side, dtype=exact, device=clips.device) for side in crops)
    frames = torch.zeros(len(clips), 3, dtype=torch.int64, device=clips.device)
    return PairBatch(torch.stack(sides[0]), torch.stack(sides[1]), query_crops, key_crops, frames, frames[:, 0] > 0)
