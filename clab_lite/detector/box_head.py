"""SELSA box head: fully connected layers, each followed by attention over the reference regions."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from clab_lite.config import BoxHeadConfig
from clab_lite.detector.selsa import SelsaAggregator


class BoxHead(nn.Module):
    """Classify and regress regions with the help of reference regions.

    Layer l: x = W x; y = W y; x = relu(x + attention(x, y)); y = relu(y): the references y never see the key x, so
    `encode_references` can be run once per video. Source: SELSA section 3.3; goldens `head_*`, `bbox_forward_*`.
    """

    def __init__(self, channels: int, output_size: int, num_classes: int, config: BoxHeadConfig) -> None:
        super().__init__()
        self.num_classes = num_classes
        widths = [channels * output_size**2] + [config.width] * config.layers
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(widths))
        self.aggregators = nn.ModuleList(
            SelsaAggregator(config.width, config.attention_blocks) for _ in range(config.layers)
        )
        self.classify = nn.Linear(config.width, num_classes + 1)
        self.regress = nn.Linear(config.width, 4 * (1 if config.class_agnostic else num_classes))
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)
        nn.init.normal_(self.regress.weight, std=0.001)
        nn.init.zeros_(self.regress.bias)

    def encode_references(self, pooled: Tensor) -> list[Tensor]:
        """Reference regions (S, C, P, P) -> per layer what the attention reads of them, (S, 2, width)."""
        encoded, x = [], pooled.flatten(1)
        for layer, aggregator in zip(self.layers, self.aggregators, strict=True):
            x = layer(x)
            encoded.append(cast(SelsaAggregator, aggregator).remember(x))
            x = torch.relu(x)
        return encoded

    def forward(self, pooled: list[Tensor], references: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
        """Score the regions of one or more key frames.

        Args:
            pooled: per key frame its regions (R, C, P, P); R may differ.
            references: per key frame, per layer, the encoded reference regions (S, 2, width).

        Returns:
            Class logits (sum of R, num_classes + 1), background last, and deltas (sum of R, K*4).
        """
        counts = [len(regions) for regions in pooled]
        x = torch.cat(pooled).flatten(1)
        for i, layer in enumerate(self.layers):
            x = layer(x)
            attended = [
                self.aggregators[i](regions, encoded[i])
                for regions, encoded in zip(x.split(counts), references, strict=True)
            ]
            x = torch.relu(x + torch.cat(attended))
        return self.classify(x), self.regress(x)
