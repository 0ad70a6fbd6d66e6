"""The small network between features and contrast, the same in CLAB's branch and in the related methods."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def projector(in_features: int, hidden: int, out_features: int, layers: int = 2) -> nn.Sequential:
    """Linear, ReLU, ..., Linear: (N, in_features) -> (N, out_features), not normalised (the losses do that).

    Args:
        in_features: numbers per feature vector.
        hidden: width of every layer but the last.
        out_features: numbers per embedding.
        layers: fully connected layers in all; 1 is a single Linear.
    """
    sizes = [in_features, *[hidden] * (layers - 1), out_features]
    modules: list[nn.Module] = []
    for before, after in pairwise(sizes):
        modules += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*modules[:-1])  # the last layer has no ReLU: an embedding may point anywhere
