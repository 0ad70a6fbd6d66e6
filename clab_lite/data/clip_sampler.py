"""Which key frame each training sample is built around: a pure function of the seed and the iteration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clab_lite.errors import DataError


class ClipSampler:
    """Yields one rank's list of (position, key) per iteration, forever. Use it as a `batch_sampler`.

    `position` counts samples over the whole run and all ranks; `key` is a row of `index.key_frames`. Every
    pass over the keys is a new permutation from (seed, pass). Iteration i takes positions i * world_size *
    batch_size and on; rank r gets the r-th run of batch_size among them. So one process with the joined
    batch sees the same clips as several ranks together, and a run that starts at `start_iteration`
    continues exactly.
    """

    def __init__(
        self,
        key_count: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        start_iteration: int = 0,
    ) -> None:
        if key_count < 1:
            raise DataError("there is no key frame to train on. Check the training list and the boxes of its frames.")
        if batch_size < 1 or not 0 <= rank < world_size:
            raise DataError(f"batch_size {batch_size}, rank {rank} of {world_size}: need at least 1, and rank < ranks.")
        self.key_count = key_count
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.start_iteration = start_iteration
        self._permutations: dict[int, NDArray[np.int64]] = {}

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        iteration = self.start_iteration
        while True:
            yield self.batch(iteration)
            iteration += 1

    def batch(self, iteration: int) -> list[tuple[int, int]]:
        """The (position, key) pairs of this rank at an iteration."""
        first = (iteration * self.world_size + self.rank) * self.batch_size
        return [(position, self._key(position)) for position in range(first, first + self.batch_size)]

    def _key(self, position: int) -> int:
        epoch, place = divmod(position, self.key_count)
        if epoch not in self._permutations:
            rng = np.random.default_rng([self.seed, epoch])
            # a batch touches few passes: keep the last ones only
            kept = dict(list(self._permutations.items())[-3:])
            self._permutations = kept | {epoch: rng.permutation(self.key_count)}
        return int(self._permutations[epoch][place])
