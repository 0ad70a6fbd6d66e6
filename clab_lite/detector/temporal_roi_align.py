"""Temporal RoI Align: a region gathers its most similar cells from every reference map (arXiv 2109.03495)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-10


class TemporalRoIAlign(nn.Module):
    """Enrich the key frames' pooled regions with their reference maps.

    Source: Temporal RoI Align sections 3.2 (most similar RoI Align) and 3.3 (temporal attention); goldens
    `most_similar`, `temporal_roi_align`, `small_temporal*`.
    """

    def __init__(self, channels: int, most_similar: int, attention_blocks: int) -> None:
        super().__init__()
        self.most_similar = most_similar
        self.attention_blocks = attention_blocks
        self.embed = nn.Conv2d(channels, channels, 3, padding=1) if attention_blocks else None

    def forward(self, pooled: list[Tensor], references: list[Tensor]) -> list[Tensor]:
        """Aggregate over time.

        Args:
            pooled: per key frame (R, C, P, P), RoIAlign of its regions; R may differ.
            references: per key frame (T, C, H, W), its reference maps; one T for all.

        Returns:
            Per key frame (R, C, P, P). Without attention blocks: the mean over the T + 1 frames.
        """
        gathered = [
            torch.cat([regions[None], most_similar_roi_align(regions, maps, self.most_similar)])
            for regions, maps in zip(pooled, references, strict=True)
        ]
        frames = torch.cat(gathered, dim=1)  # (1+T, sum of R, C, P, P)
        aggregated = frames.mean(dim=0) if self.embed is None else self._attend(frames)
        return list(aggregated.split([len(regions) for regions in pooled]))

    def _attend(self, frames: Tensor) -> Tensor:
        """(1+T, R, C, P, P), the key first -> (R, C, P, P): softmax over frames per channel group and cell."""
        assert self.embed is not None
        embedded = self.embed(frames.flatten(0, 1)).reshape(frames.shape)
        groups = (self.attention_blocks, frames.shape[2] // self.attention_blocks)
        embedded = embedded.unflatten(2, groups)  # (1+T, R, blocks, C/blocks, P, P)
        similarity = (embedded * embedded[:1]).sum(dim=3) / math.sqrt(groups[1])
        weight = similarity.softmax(dim=0).unsqueeze(3)
        return (frames.unflatten(2, groups) * weight).sum(dim=0).flatten(1, 2)


def most_similar_roi_align(pooled: Tensor, references: Tensor, count: int) -> Tensor:
    """For every RoI cell and reference frame: softmax-weighted mean of the `count` most similar map cells, by cosine.

    One reference frame at a time, so that at most (R*P*P, H*W) similarities are held. Cosines are taken in float32 also
    under autocast: near 1, bfloat16 cannot tell neighbouring cells apart.

    Args:
        pooled: (R, C, P, P).
        references: (T, C, H, W).
        count: cells to gather; at most H*W.

    Returns:
        (T, R, C, P, P).
    """
    regions, channels, size, _ = pooled.shape
    cells = pooled.permute(0, 2, 3, 1).reshape(-1, channels)  # (R*P*P, C)
    query = unit_vectors(cells)
    gathered = []
    for values in references.flatten(2).transpose(1, 2):  # (H*W, C)
        with torch.autocast(values.device.type, enabled=False):
            similarity, index = torch.topk(query @ unit_vectors(values).T, min(count, len(values)), dim=1)
        weight = similarity.softmax(dim=1).to(values.dtype)
        gathered.append(functional.embedding_bag(index, values, per_sample_weights=weight, mode="sum"))
    stacked = torch.stack(gathered).reshape(len(references), regions, size, size, channels)
    return stacked.permute(0, 1, 4, 2, 3)


def unit_vectors(vectors: Tensor) -> Tensor:
    """(N, C) of any precision -> float32 (N, C) of length 1 (double stays double); zero stays zero."""
    vectors = vectors if vectors.dtype == torch.float64 else vectors.float()
    return vectors / (vectors.norm(dim=1, keepdim=True) + _EPSILON)
