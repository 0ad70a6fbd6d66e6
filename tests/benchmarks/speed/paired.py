"""Time two ways of the same work, turn by turn, so that what else the machine does meets both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """CPU-seconds of all threads, and wall-clock seconds, of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def compare(
    plain: Callable[[], object], others: dict[str, Callable[[], object]], turns: int
) -> dict[str, dict[str, float]]:
    """One call of each other way that is not counted, then `turns` of all, the plain one first.

    Returns:
        by other way: medians plain_cpu_s, plain_wall_s, ours_cpu_s, ours_wall_s; the ratio plain / ours of CPU-seconds
        turn by turn: median, least, most; the turns.
    """
    for work in others.values():
        work()
    found = [{"plain": seconds(plain), **{name: seconds(work) for name, work in others.items()}} for _ in range(turns)]
    return {name: _summary([turn["plain"] for turn in found], [turn[name] for turn in found]) for name in others}


def _summary(plain: list[tuple[float, float]], ours: list[tuple[float, float]]) -> dict[str, float]:
    names = ("plain_cpu_s", "plain_wall_s", "ours_cpu_s", "ours_wall_s")
    columns = [*zip(*plain, strict=True), *zip(*ours, strict=True)]
    medians = {name: statistics.median(column) for name, column in zip(names, columns, strict=True)}
    ratios = [cpu / ours_cpu for (cpu, _), (ours_cpu, _) in zip(plain, ours, strict=True)]
    spread = {"ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios)}
    return {**medians, **spread, "turns": len(ratios)}
