"""CrossCL: regional contrast on a pyramid, with a momentum copy for the keys and a queue of images.

`RegionContrast` is the objective around any backbone: around strided stages it is pre-training (`CrossCL`), around the
detector's own backbone an auxiliary loss (auxiliary.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from clab_lite.detector.backbone import Backbone
from clab_lite.distributed import gather_rows
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.crosscl.data import PairBatch
from clab_lite.methods.crosscl.loss import region_terms
from clab_lite.methods.crosscl.windows import map_windows, query_windows
from clab_lite.methods.shared import MomentumEncoder, Pyramid, RingQueue, Stages, info_nce, projector, read_stages


class Heads(nn.Module):
    """C2 ... C5 -> the pyramid levels that are contrasted, and one vector per image.

    Regions have no projector: the pyramid itself must make its levels comparable. The image vector is
    Linear - ReLU - Linear on the average of C5 (published).
    """

    def __init__(self, channels: tuple[int, int, int, int], config: CrossCLConfig) -> None:
        super().__init__()
        stages = {stage: channels[stage - 2] for stage in range(min(config.stages), 6)}
        self.pyramid = Pyramid(stages, config.neck_dim, outputs=config.stages, norm=config.neck_norm)
        self.image_head = projector(channels[3], channels[3], config.global_dim)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[dict[int, Tensor], Tensor]:
        """Stage features (N, C, H, W) -> (level -> (N, neck_dim, H, W), (N, global_dim))."""
        levels = self.pyramid(dict(enumerate(features, start=2)))
        return levels, self.image_head(features[3].mean(dim=(2, 3)))


class RegionContrast(nn.Module):
    """The five terms of a batch of pairs, from a backbone that is handed in and heads and key copies that live here."""

    def __init__(self, backbone: Backbone, config: CrossCLConfig) -> None:
        super().__init__()
        self.config = config
        deepest = backbone.c5_channels
        self.heads = Heads((deepest // 8, deepest // 4, deepest // 2, deepest), config)
        self.key_backbone = MomentumEncoder(backbone, config.momentum)
        self.key_heads = MomentumEncoder(self.heads, config.momentum)
        self.queue = RingQueue(config.queue, config.global_dim)
        self.windows = query_windows(config.image_size, config.windows)  # no buffer: it stays float64 everywhere
        self._new_keys: Tensor | None = None

    def query(self, backbone: Backbone, images: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Images (N, 3, S, S) -> levels and image vectors of the network that learns."""
        return self.heads(read_stages(backbone, images))

    @torch.no_grad()
    def key(self, images: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """The same of its momentum copy, without a graph."""
        return self.key_heads(read_stages(self.key_backbone.module, images))  # type: ignore[arg-type]

    def forward(self, backbone: Backbone, batch: PairBatch) -> dict[str, Tensor]:
        """Unweighted terms "global", "p3", "p4", "p3_to_p4", "p4_to_p3"; their weighted sum "total"; "valid_share".

        In training the key network first takes its step towards the query network. The loss sees the queue as it was
        before this batch (`update` puts the batch in).
        """
        if self.training:
            self.key_backbone.update(backbone)
            self.key_heads.update(self.heads)
        levels, image_vectors = self.query(backbone, batch.query)
        key_levels, key_vectors = self.key(batch.key)
        boxes, valid = map_windows(self.windows, batch.query_crops, batch.key_crops, self.config.image_size)
        regional = region_terms(levels, key_levels, self.windows, boxes, valid, self.config)
        whole = info_nce(image_vectors, key_vectors, self.queue.vectors, self.config.temperature).mean()
        self._new_keys = key_vectors if self.training else None
        terms = {"global": whole, **regional.losses}
        share = whole.new_tensor(regional.valid / valid.numel())
        return {**terms, "total": weighted_total(terms, self.config), "valid_share": share}

    def update(self) -> None:
        """Put the image vectors of the last batch (of all processes) into the queue, once."""
        if self._new_keys is not None:
            self.queue.enqueue(gather_rows(self._new_keys))
            self._new_keys = None


def weighted_total(terms: dict[str, Tensor], config: CrossCLConfig) -> Tensor:
    """Sum of the terms with the weights of the configuration: one for global, one for p*, one for p*_to_p*."""
    total = config.global_weight * terms["global"]
    for name, value in terms.items():
        if name != "global":
            total = total + (config.cross_weight if "_to_" in name else config.intra_weight) * value
    return total


class CrossCL(nn.Module):
    """The pre-training form: a `Method` (methods/shared/method.py)."""

    def __init__(self, config: CrossCLConfig) -> None:
        super().__init__()
        self.config = config
        self.stages = Stages(config.backbone)
        self.contrast = RegionContrast(self.stages.backbone, config)

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """See `RegionContrast.forward`."""
        return self.contrast(self.stages.backbone, batch)

    def update(self) -> None:
        """After backward: the queue moves on."""
        self.contrast.update()

    def levels(self, images: Tensor) -> dict[int, Tensor]:
        """Images (N, 3, S, S) -> the pyramid levels of the network that learns; raw, not unit length."""
        return self.contrast.query(self.stages.backbone, images)[0]

    def trainable(self) -> Iterator[nn.Parameter]:
        """Backbone, pyramid and image head."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def backbone_state(self) -> dict[str, Tensor]:
        """The backbone with the names of `VideoDetector.backbone`."""
        return self.stages.detector_state()
