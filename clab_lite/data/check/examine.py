"""Check many parts in parallel, with a bar, skipping those that an earlier check found in order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from tqdm import tqdm

from clab_lite.data.check.journal import Journal
from clab_lite.data.check.parts import Part, PartResult
from clab_lite.data.check.report import CheckLine, count_lines, plural
from clab_lite.data.fresh_processes import fresh_processes

MANY_FRAMES = 50_000
"""From here on processes: reading XML and headers holds Python's lock, and fresh ones take seconds to start."""

MOST_WORKERS = 8


@dataclass(frozen=True)
class Examined:
    """Parts and what was found in them."""

    parts: Sequence[Part]
    results: Sequence[PartResult]
    unchanged: int
    """Parts whose result is that of an earlier check."""

    @property
    def problems(self) -> list[str]:
        """One line per bad record."""
        return [problem for result in self.results for problem in result.problems]

    @property
    def counts(self) -> dict[str, int]:
        """What was odd, and how often."""
        total: Counter[str] = Counter()
        for result in self.results:
            total.update(result.counts)
        return dict(total)

    def lines(
        self, title: str, what: str, more_counts: Mapping[str, int] | None = None, more_problems: Sequence[str] = ()
    ) -> list[CheckLine]:
        """The total, the bad records and the odd ones, as `count_lines`; and what was not read again.

        Counts and problems that were found elsewhere are added to those of the parts.
        """
        counts = Counter(self.counts) + Counter(more_counts or {})
        lines = count_lines(title, what, counts, [*more_problems, *self.problems])
        if self.unchanged:
            shares = f"{self.unchanged:,} of {plural(len(self.parts), 'part')}"
            lines.append(CheckLine("OK", f"{title}: unchanged since an earlier check and not read again: {shares}"))
        return lines

    @property
    def frames(self) -> int:
        """In all parts that could be read."""
        return sum(result.frames for result in self.results)

    @property
    def objects(self) -> int:
        """In all parts that could be read."""
        return sum(result.objects for result in self.results)


def examine(
    title: str, parts: Sequence[Part], journal: Journal, *, workers: int | None = None, progress: bool = True
) -> Examined:
    """Check the parts, and keep each result as soon as it and those before it are there.

    Args:
        title: for the bar: "train".
        parts: what to check.
        journal: earlier results; new ones are added to it.
        workers: None: as many as the computer has cores, with two more for slow disks; at most 8.
        progress: show a bar with the time left.
    """
    results: list[PartResult] = []
    unchanged, total = 0, sum(part.frames for part in parts)
    known = [journal.stamp(part.key, part.frames) for part in parts]
    bar = tqdm(total=total, desc=f"checking {title}", unit="frame", unit_scale=True, disable=not progress)
    pool = _pool(workers or min(MOST_WORKERS, (os.cpu_count() or 1) + 2), total)
    try:
        for part, (stamp, result) in zip(parts, pool.map(_check, parts, known), strict=True):
            if result is None:
                unchanged += 1
                result = journal.result(part.key)
            else:
                journal.add(part.key, stamp, result)
            results.append(result)
            bar.update(part.frames)
    finally:
        bar.close()
        pool.shutdown(cancel_futures=True)
    return Examined(parts, results, unchanged)


def _check(part: Part, known: str | None) -> tuple[str, PartResult | None]:
    """A part's stamp, and what is in it; None when the stamp is the known one."""
    stamp = part.stamp()
    return stamp, None if stamp == known else part.check()


def _pool(workers: int, frames: int) -> Executor:
    if frames < MANY_FRAMES or workers == 1:
        return ThreadPoolExecutor(workers)
    return fresh_processes(workers)
