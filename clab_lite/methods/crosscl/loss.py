"""The regional terms of CrossCL (specification, section 4; golden kind `crosscl.losses`).

N images, A windows, C channels. Levels are dicts: pyramid level -> map (N, C, H, W), raw, made unit length inside.
With levels 3 and 4 there are four regional terms: p3, p4 (within a level), p3_to_p4, p4_to_p3 (across).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from clab_lite.distributed import average_over_ranks, gather_rows, rank, world_size
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.crosscl.region_mean import pool_regions
from clab_lite.methods.shared.info_nce import info_nce_logits, top1, wide

Levels = Mapping[int, Tensor]


@dataclass(frozen=True)
class RegionTerms:
    """What the windows of a batch say."""

    losses: dict[str, Tensor]
    """Term -> scalar, the mean over the valid windows of the whole batch; 0, connected to the graph, without any.

    Several processes: a share of it, whose mean over the processes is the mean over all their windows."""
    top1: dict[str, Tensor]
    """Term -> share of the valid windows whose positive beats every negative."""
    valid: int
    """Windows of the query views that lie inside their key view."""


def term_name(query: int, key: int) -> str:
    """p4 within a level, p4_to_p3 across."""
    return f"p{query}" if query == key else f"p{query}_to_p{key}"


def region_terms(
    query: Levels, key: Levels, windows: Tensor, key_windows: Tensor, valid: Tensor, config: CrossCLConfig
) -> RegionTerms:
    """Contrast every level of the query views with every level of the key views.

    Window number a of image n is the same box on every level; only the level's stride differs. The negatives of a key
    level are the means of all its squares of cells, over all images. No gradient reaches the key levels.

    Args:
        query: levels of the query network.
        key: levels of the key network.
        windows: (A, 4) pixels of the query view, the same for all images.
        key_windows: (N, A, 4) pixels of the key view.
        valid: (N, A) bool.
        config: temperature, pooling and negatives.
    """
    count = len(valid)
    images = torch.arange(count, device=valid.device)[:, None].expand_as(valid)[valid]  # of each valid window
    own = windows.to(key_windows).expand(count, -1, -1)
    key = {level: values.detach() for level, values in key.items()}
    positives = {level: pool_regions(key[level], key_windows, 2.0**level, config.pool)[valid] for level in key}
    queries = {level: pool_regions(query[level], own, 2.0**level, config.pool)[valid] for level in query}
    # A sum over a counted number, not a mean: without valid windows it is 0 with a gradient, not NaN.
    windows_each = average_over_ranks(valid.sum(dtype=torch.float32)).clamp(min=1 / world_size())
    losses, hits = {}, {}
    for source, target in product(query, key):
        name = term_name(source, target)
        negatives, counts = _negatives(key[target], images, config, config.gather == "all" or target == max(key))
        logits = info_nce_logits(queries[source], positives[target], negatives, config.temperature, counts)
        losses[name] = (logits.logsumexp(dim=1) - logits[:, 0]).sum() / windows_each
        hits[name] = top1(logits.detach())
    return RegionTerms(losses, hits, len(images))


def negative_vectors(level: Tensor, kernel: int, stride: int) -> Tensor:
    """Means over squares of kernel x kernel cells, without padding: (N, C, H, W) -> (N, positions, C)."""
    return avg_pool2d(wide(level), kernel, stride).flatten(2).transpose(1, 2)


def _negatives(level: Tensor, images: Tensor, config: CrossCLConfig, everywhere: bool) -> tuple[Tensor, Tensor | None]:
    """Negatives (K, C), and with `exclude_same_image` which of them count for each valid window, (windows, K)."""
    squares = negative_vectors(level, config.negative_pool, config.negative_stride)
    own = images
    if everywhere:
        own = images + rank() * len(squares)  # equal batches on all ranks, as everywhere in training
        squares = gather_rows(squares)
    counts = None
    if config.exclude_same_image:
        owner = torch.arange(len(squares), device=level.device).repeat_interleave(squares.shape[1])
        counts = owner != own[:, None]
    return squares.flatten(0, 1), counts
