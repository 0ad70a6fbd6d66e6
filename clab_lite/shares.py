"""Which of several processes does which videos."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def share_out(lengths: Sequence[int], processes: int) -> list[int]:
    """A process for each video: the longest video first, each to the process that has least to do so far.

    The process with most to do has at most 4/3 - 1/(3 processes) of what the best division would give it (R. L. Graham,
    "Bounds on multiprocessing timing anomalies", 1969). Of equal lengths the earlier video goes first, of equally busy
    processes the lower one takes it: the same everywhere and always.

    Args:
        lengths: of each video, in frames that have to be computed; not negative.
        processes: how many, 1 or more. With more of them than videos, some get nothing.

    Returns:
        number of a process for each video, 0 ... processes - 1.
    """
    busy = [(0, process) for process in range(processes)]  # a heap: the first has least to do
    owners = [0] * len(lengths)
    for video in sorted(range(len(lengths)), key=lambda video: (-lengths[video], video)):
        total, process = heapq.heappop(busy)
        owners[video] = process
        heapq.heappush(busy, (total + lengths[video], process))
    return owners
