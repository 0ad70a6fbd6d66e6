"""The slow copy of a network that gives the keys (MoCo; golden kind `ema`)."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from clab_lite.errors import DataError


class MomentumEncoder(nn.Module):
    """Holds `module`, a copy of a network without gradients; calling the encoder calls it without a graph.

    The copy follows train() and eval(): in training its BatchNorm uses the statistics of the key batch and keeps its
    own running ones, as in the official codes. `update` moves parameters only, never these buffers.
    """

    def __init__(self, module: nn.Module, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise DataError(f"momentum of the key network is {momentum}. Choose a value from 0 to 1, for example 0.99.")
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.momentum = momentum

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Each parameter k becomes momentum * k + (1 - momentum) * q, q the same parameter of `source`.

        Raises:
            DataError: `source` has other parameters than the network that was copied.
        """
        keys, queries = dict(self.module.named_parameters()), dict(source.named_parameters())
        if keys.keys() != queries.keys():
            odd = sorted(keys.keys() ^ queries.keys())[0]
            raise DataError(f"the key network and its source differ: parameter {odd!r}. Give the network it copies.")
        for name, key in keys.items():
            key.lerp_(queries[name].to(key), 1 - self.momentum)

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)
