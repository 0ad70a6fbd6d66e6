"""SELSA: each region is enriched by a similarity-weighted sum over the reference regions (arXiv 1907.06390)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelsaAggregator(nn.Module):
    """Multi-block attention from key regions (R, C) to remembered reference regions (S, 2, C) -> (R, C).

    Source: SELSA equations 3-5, in the form of mmtracking; goldens `aggregator0`, `small_aggregator`.
    """

    def __init__(self, channels: int, attention_blocks: int) -> None:
        super().__init__()
        self.attention_blocks = attention_blocks
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)

    def remember(self, references: Tensor) -> Tensor:
        """Reference regions (S, C) -> their keys and values (S, 2, C): all that the attention reads of them."""
        return torch.stack([self.key(references), self.value(references)], dim=1)

    def forward(self, regions: Tensor, remembered: Tensor) -> Tensor:
        query = self._split(self.query(regions))
        key, value = (self._split(part) for part in remembered.unbind(dim=1))
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.output(attended.squeeze(0).transpose(0, 1).flatten(1))

    def _split(self, x: Tensor) -> Tensor:
        # (R, C) -> (1, blocks, R, C/blocks): the leading axis makes it a batch of one for the fused attention.
        return x.unflatten(1, (self.attention_blocks, x.shape[1] // self.attention_blocks)).transpose(0, 1).unsqueeze(0)
