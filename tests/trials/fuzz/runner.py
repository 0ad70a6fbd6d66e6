"""Many inputs for one target. Input number n of a seed is always the same one, whatever was tried before it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

from trials.fuzz import watch
from trials.fuzz.attempt import Outcome, Workshop, shown
from trials.fuzz.shrink import smaller
from trials.fuzz.tally import Tally
from trials.fuzz.target import Changes, Target, Tree

MOST_CRASHES = 5
"""Kept per target, each of another place."""


class Session:
    """A target that is being tried: its folder, its counts, and its limits of time and memory."""

    def __init__(self, target: Target) -> None:
        self.target, self.tally = target, Tally(target.name)

    def __enter__(self) -> Session:
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz_", dir=_memory())
        self._alarms = watch.alarms()
        self._alarms.__enter__()
        self.workshop = Workshop(self.target, Path(self._folder.name) / "root")
        self.workshop.attempt({})  # what the first read alone imports and keeps is no growth
        watch.lower_peak()
        self._base = self._last = watch.peak()
        return self

    def __exit__(self, *_: object) -> None:
        self._alarms.__exit__(None, None, None)
        self._folder.cleanup()

    def attempt(self, changes: Changes, origin: str) -> Outcome:
        """Try one input and count what comes of it. `origin` tells how to make it again."""
        before, tally = watch.peak(), self.tally
        outcome = self.workshop.attempt(changes)
        if outcome.kind == "none":
            return outcome
        tally.tried += 1
        tally.slowest = max(tally.slowest, outcome.seconds)
        self._base += before - self._last  # what the making of inputs takes is not the reader's
        self._last = watch.peak()
        grown, most = self._last - self._base, max(self.target.megabytes, tally.growth)
        if outcome.kind != "crash" and grown > most:
            outcome = Outcome("crash", f"memory {len(tally.crashes)}", f"the process grew by {grown:,.0f} MB")
        tally.growth = grown
        if outcome.kind == "crash":
            self._keep(outcome, changes, origin)
        else:
            tally.read += outcome.kind == "read"
            tally.refused += outcome.kind == "refused"
            tally.places |= {outcome.place} - {""}
        return outcome

    def _keep(self, outcome: Outcome, changes: Changes, origin: str) -> None:
        known = any(crash.startswith(f"{outcome.place}: ") for crash in self.tally.crashes)
        if known or len(self.tally.crashes) >= MOST_CRASHES:
            return
        if not outcome.place.startswith(("time", "memory")):
            changes = smaller(changes, lambda fewer: self.workshop.attempt(fewer).place == outcome.place)
        self.tally.crashes.append(f"{outcome.place}: {outcome.words}\n    {origin}: {shown(changes)}")


def _memory() -> str | None:
    """A folder that needs no disk, where the system has one: thousands of files are written."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def made(target: Target, tree: Tree, seed: int, number: int) -> Changes:
    """Input `number` of a seed."""
    return target.change(Random(f"{seed} {target.name} {number}"), tree)


def run(target: Target, count: int, seed: int = 0) -> Tally:
    """Try `count` inputs."""
    with Session(target) as session:
        for number in range(count):
            session.attempt(made(target, session.workshop.tree, seed, number), f"seed {seed}, input {number}")
    return session.tally
