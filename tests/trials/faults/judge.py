"""What counts as having survived a fault: a clear answer, nothing lost, and a second try that ends as undisturbed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from trials.faults.child import Ended, run
from trials.faults.kills import Scene, differing, lost_or_half, second_try

_REMEDY = re.compile(r"[^.]\. [A-Z][^.]+")
"""A sentence after the one that says what is wrong."""


@dataclass
class Tried:
    """One kind of fault and one command."""

    tried: int = 0
    survived: int = 0
    complaints: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """What the command said; "done" where the fault did not keep it from its result."""

    def add(self, what: str, answer: str, wrong: list[str]) -> None:
        """Count one."""
        self.tried += 1
        self.survived += not wrong
        self.answers.append(answer)
        self.complaints += [f"{what}: {problem}" for problem in wrong]


def unclear(ended: Ended) -> list[str]:
    """What is wrong with the answer to a fault: it is one line with a place and a remedy, or the result."""
    if ended.crashed:
        return [f"status {ended.status}: {ended.said[-1500:]}"]
    if ended.status == 0:
        return []
    line = ended.last_line
    if not line.startswith("clab-lite: ") or not _REMEDY.search(line) or not re.search(r"[/.]\w|\w: ", line[11:]):
        return [f"no place or no remedy: {line}"]
    return []


def answer_of(ended: Ended) -> str:
    """For people."""
    return "done" if ended.status == 0 else ended.last_line.removeprefix("clab-lite: ")


def try_under(
    scene: Scene, what: str, tried: Tried, inflict: Callable[[], None], lift: Callable[[], None],
    *, meddle: Callable[[], None] = lambda: None, must_end: bool | None = None,
) -> None:  # fmt: skip
    """Run a command under a fault, look at what it leaves, lift the fault, and run it again.

    Args:
        scene: the command.
        what: names the fault in complaints.
        tried: counts.
        inflict: makes the fault, after the place was reset.
        lift: undoes it.
        meddle: called in the command's process.
        must_end: True: the fault must keep the command from its result; False: it must not; None: either.
    """
    scene.reset()
    inflict()
    try:
        ended = run(scene.command.words, scene.place, meddle)
    finally:
        lift()
    wrong = unclear(ended) + lost_or_half(scene, scene.command.partial)
    if must_end is not None and must_end == (ended.status == scene.ended.status):
        wrong.append(f"status {ended.status}: {ended.said[-500:]}")
    wrong += differing(scene) if ended.status == scene.ended.status else second_try(scene)
    tried.add(f"{scene.command.name}, {what}", answer_of(ended), wrong)


def nothing() -> None:
    """No fault of that kind."""
