"""Which part of a batch a process makes, where several pre-train together."""

from __future__ import annotations

from dataclasses import dataclass

from clab_lite.errors import DataError


@dataclass(frozen=True)
class Part:
    """The `rank`-th of `of` equal, contiguous parts; in this order they make the batch that one process would have.

    Every process draws the random numbers of the whole batch, and makes the pixels of its own part only: a batch stays
    the same for any number of processes.
    """

    rank: int = 0
    of: int = 1

    def places(self, count: int) -> range:
        """The places of this part in a batch of `count`.

        Raises:
            DataError: `of` does not divide it.
        """
        if count % self.of:
            fits = max(count // self.of, 1) * self.of
            raise DataError(
                f"a batch of {count} cannot be shared equally by {self.of} processes. "
                f"Start another number of processes, or set --pretrain.batch {fits}."
            )
        share = count // self.of
        return range(self.rank * share, (self.rank + 1) * share)


WHOLE = Part()
