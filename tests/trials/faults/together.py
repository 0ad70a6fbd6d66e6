"""Two commands that work in one place at the same time: one is told so, or both results are right."""

from __future__ import annotations

from collections.abc import Sequence

from trials.faults.child import Child, Ended
from trials.faults.contents import NotWhole, contents, hidden
from trials.faults.judge import Tried, answer_of, unclear
from trials.faults.kills import Scene, differences, differing, second_try

OFFSETS = (0.0, 0.3, 0.7)
"""When the second begins: shares of the working time of the first."""


def twice(scene: Scene, offsets: Sequence[float] = OFFSETS) -> Tried:
    """The same command twice. What is left is the result of one; nobody waits for ever."""
    tried = Tried()
    for offset in offsets:
        first, second = _both(scene, scene.command.words, scene.command.words, offset)
        wrong = unclear(first) + unclear(second)
        if first.status and second.status:
            wrong.append(f"neither ended: {answer_of(first)}; {answer_of(second)}")
        left = [name for name in hidden(scene.place) if name not in scene.kept_hidden and ".evaluating" not in name]
        wrong += [f"left behind: {left}"] if left else []
        tried.add(f"{scene.command.name} twice, {offset:g}", answer_of(second), wrong + differing(scene))
    return tried


def beside(scene: Scene, words: Sequence[str]) -> Tried:
    """A training that replaces the run in the folder where this command works.

    Afterwards the results in the folder are of the weights in it: this command, run again, gives the same.
    """
    tried = Tried()
    for offset in OFFSETS:
        first, second = _both(scene, scene.command.words, words, offset)
        wrong = unclear(first) + unclear(second)
        try:
            left = _results(scene)
            again = second_try(scene)
            wrong += [problem for problem in again if "status" in problem]
            wrong += [f"of other weights: {name}" for name in differences(left, _results(scene)) if "differs" in name]
        except NotWhole as error:
            wrong.append(str(error))
        tried.add(f"{scene.command.name} beside {words[0]}, {offset:g}", answer_of(first), wrong)
    return tried


def _results(scene: Scene) -> dict:
    """What the command makes of the run's weights; not the run itself."""
    names = ("metrics.json", "per_class.csv", "report.html", "embeddings.csv", "embeddings.npy")
    return {name: content for name, content in contents(scene.place).items() if name.endswith(names)}


def _both(scene: Scene, first: Sequence[str], second: Sequence[str], offset: float) -> tuple[Ended, Ended]:
    place = scene.reset()
    one = Child(first, place)
    one.wait_for_work(offset * scene.ended.seconds)
    other = Child(second, place)
    return one.wait(), other.wait()
