"""The network that is trained is the detector's trunk: backbone, pyramid, RoIAlign, region head; then a projection.

That pre-training trains the detector's own parts is published (CoDo's abstract). Of them, the backbone goes into this
library's VideoDetector, which reads C4 and C5 and has no pyramid; all of it goes into a detector with one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from clab_lite.config import BackboneConfig
from clab_lite.errors import DataError
from clab_lite.methods.codo.config import TrunkConfig
from clab_lite.methods.shared.pyramid import Pyramid
from clab_lite.methods.shared.stages import Stages


class RegionHead(nn.Module):
    """Pooled regions (R, C, P, P) -> embeddings (R, D), not normalised. One head serves all levels."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        channels, width = config.fpn_channels, config.head_width
        inputs = channels * config.roi_size**2
        layers: list[nn.Module] = []
        if config.head == "4conv":  # as InsLoc: BatchNorm after the convolutions only
            for _ in range(4):
                layers += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            layers += [nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        else:  # without BatchNorm a short run collapses to equal embeddings
            layers += [nn.Flatten(), nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU()]
            layers += [nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.projection = nn.Linear(width, config.embedding)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.projection(self.layers(pooled))


class RegionReader(nn.Module):
    """Stage features and boxes -> embeddings, on every level with the same box."""

    def __init__(self, channels: tuple[int, ...], config: TrunkConfig) -> None:
        """channels: of C2, C3, C4, C5."""
        super().__init__()
        self.config = config
        # From the finest level that is asked for to the deepest stage, whose context comes down the pyramid.
        taking_part = {stage: channels[stage - 2] for stage in range(config.levels[0], 6)}
        self.pyramid = Pyramid(taking_part, config.fpn_channels, config.levels, norm=True)
        self.head = RegionHead(config)

    def maps(self, stages: tuple[Tensor, ...]) -> dict[int, Tensor]:
        """C2 .. C5 -> level -> (N, C, S / 2**level, S / 2**level)."""
        return self.pyramid({number: stages[number - 2] for number in range(self.config.levels[0], 6)})

    def pool(self, maps: Mapping[int, Tensor], boxes: Tensor) -> Tensor:
        """RoIAlign as in the detector (half-pixel aligned), on every level.

        boxes: (L, N, 4), per level one box for each of the N images, pixels of the image. Gives (L, N, C, P, P).
        """
        if boxes.shape[0] != len(self.config.levels) or boxes.shape[2] != 4:
            raise DataError(f"boxes are {tuple(boxes.shape)} for levels {self.config.levels}. Give (L, N, 4).")
        number = torch.arange(boxes.shape[1], device=boxes.device, dtype=boxes.dtype)[:, None]
        pooled = []
        for level, own in zip(self.config.levels, boxes, strict=True):
            # In float32 at least, also under autocast: bfloat16 would round box corners to half pixels.
            features = maps[level] if maps[level].dtype == torch.float64 else maps[level].float()
            rois = torch.cat([number, own], dim=1).to(features)
            size, ratio = self.config.roi_size, self.config.sampling_ratio
            pooled.append(roi_align(features, rois, size, 0.5**level, ratio, aligned=True))
        return torch.stack(pooled)

    def forward(self, stages: tuple[Tensor, ...], boxes: Tensor) -> Tensor:
        """Embeddings (R, N, L, D) of R readings of N images.

        Args:
            stages: C2 .. C5 of the N images.
            boxes: (R, L, N, 4), the box that each reading uses on each level, pixels.

        All readings and levels go through the head as one batch, so its BatchNorm sees the same mixture in training
        and in evaluation (ours).
        """
        maps = self.maps(stages)
        pooled = torch.stack([self.pool(maps, reading) for reading in boxes])  # (R, L, N, C, P, P)
        embedded = self.head(pooled.flatten(0, 2)).unflatten(0, pooled.shape[:3])
        return embedded.transpose(1, 2)


class Trunk(nn.Module):
    """Images (N, 3, S, S) and boxes (R, L, N, 4) -> embeddings (R, N, L, D)."""

    def __init__(self, backbone: BackboneConfig, config: TrunkConfig) -> None:
        super().__init__()
        self.stages = Stages(backbone)
        self.reader = RegionReader(self.stages.channels, config)

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        return self.reader(self.stages(images), boxes)
