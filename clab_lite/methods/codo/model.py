"""CoDo-style contrast as a method: queries, keys, loss, and what happens after a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from clab_lite.distributed import join_rows
from clab_lite.methods.codo.composites import Composites
from clab_lite.methods.codo.config import CoDoConfig
from clab_lite.methods.codo.loss import LevelLosses, batch_losses, mean_over_pairs, pair_losses, queue_losses
from clab_lite.methods.codo.trunk import Trunk
from clab_lite.methods.shared.momentum import MomentumEncoder
from clab_lite.methods.shared.queue import RingQueue


class CoDo(nn.Module):
    """Composites -> {"P3", "P4", ...: the loss of each level, "total": their weighted sum}.

    V views, B instances, L levels, D numbers. The query reads jittered boxes, the key exact ones. Several processes
    contrast the instances of all of them, and BatchNorm sees all (`clab_lite.methods.shared.joined_norm`); InsLoc
    shuffles key images between GPUs instead.
    """

    def __init__(self, config: CoDoConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config.backbone, config.trunk)
        self.keys = None if config.ema is None else MomentumEncoder(self.trunk, config.ema)
        levels = config.trunk.levels
        queued = config.negatives == "queue"
        self.queue = RingQueue(config.queue_size, config.trunk.embedding, len(levels)) if queued else None
        self._new_keys: Tensor | None = None

    def forward(self, batch: Composites) -> dict[str, Tensor]:
        """The loss of each level, averaged over pairs of views, and "total". With a key network: it moves first."""
        config = self.config
        if self.keys is not None and self.training:
            self.keys.update(self.trunk)
        queries, keys = (join_rows(side.transpose(0, 1)).transpose(0, 1) for side in self.embed(batch))
        per_level = mean_over_pairs(pair_losses(queries, keys, self._level_losses(), config.pairs), config.pairs)
        self._new_keys = keys[0 if config.pairs == "all" else 1 :].detach()
        terms = {f"P{level}": per_level[i] for i, level in enumerate(config.trunk.levels)}
        weights = per_level.new_tensor(config.trunk.level_weights)
        return {**terms, "total": (per_level * weights).sum()}

    def embed(self, batch: Composites) -> tuple[Tensor, Tensor]:
        """Queries and keys (V, B, L, D), not normalised.

        With `first_is_query`, as in InsLoc, there are queries of the first view only and keys of the others; the keys
        of the first are then zeros.
        """
        config, (views, count) = self.config, batch.boxes.shape[:2]
        asking, first = (views, 0) if config.pairs == "all" else (1, 1)
        if self.keys is None:
            queries, keys = read_both(self.trunk, batch, config)
            return queries[:asking], keys
        wrong, exact = readings(batch, config)
        queries = self.trunk(batch.images[:asking].flatten(0, 1), wrong[None, :, : asking * count])[0]
        keys = self.keys(batch.images[first:].flatten(0, 1), exact[None, :, first * count :])[0]
        keys = torch.cat([keys.new_zeros(first * count, *keys.shape[1:]), keys])
        return queries.unflatten(0, (asking, count)), keys.unflatten(0, (views, count))

    def update(self) -> None:
        """After backward: the keys of the step go into the queues, in the order (view, instance)."""
        if self.queue is not None and self._new_keys is not None:
            self.queue.enqueue(self._new_keys.flatten(0, 1).transpose(0, 1))
        self._new_keys = None

    def trainable(self) -> Iterator[nn.Parameter]:
        """Parameters of the trunk that are not frozen."""
        return (parameter for parameter in self.trunk.parameters() if parameter.requires_grad)

    def backbone_state(self) -> dict[str, Tensor]:
        """The backbone under the names of `VideoDetector.backbone`. Its BatchNorm statistics are those of composites:
        see `clab_lite.methods.codo.norm`."""
        return self.trunk.stages.detector_state()

    def _level_losses(self) -> LevelLosses:
        if self.queue is not None:
            return partial(queue_losses, queues=self.queue.vectors, temperature=self.config.temperature)
        return partial(batch_losses, temperature=self.config.temperature)


def readings(batch: Composites, config: CoDoConfig) -> tuple[Tensor, Tensor]:
    """What queries and keys read, each (L, V*B, 4): jittered boxes on the levels that ask for them; exact boxes."""
    levels = len(config.trunk.levels)
    exact = batch.boxes.flatten(0, 1).expand(levels, -1, -1)
    wrong = exact.clone()
    wrong[levels - 1 if config.composite.jitter_levels == "last" else 0 :] = batch.jittered.flatten(0, 1)
    return wrong, exact


def read_both(read: Callable[[Tensor, Tensor], Tensor], batch: Composites, config: CoDoConfig) -> tuple[Tensor, Tensor]:
    """Queries and keys (V, B, L, D) from one network and one pass over the images: both boxes read the same maps.

    read: images (N, 3, S, S), boxes (R, L, N, 4) -> embeddings (R, N, L, D), as `Trunk`.
    """
    both = read(batch.images.flatten(0, 1), torch.stack(readings(batch, config)))
    queries, keys = both.unflatten(1, batch.boxes.shape[:2])
    return queries, keys
