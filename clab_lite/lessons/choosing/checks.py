"""Checkers of the lesson's exercises; each names the likely mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.grading import Mistake, grade

Thing = Mapping[str, Any]


def _thing(video: int, frame: int, track: int, name: str, place: int = 0) -> dict[str, Any]:
    return {"video": video, "frame": frame, "track": track, "class_name": name, "place": place}


_A = _thing(0, 3, 1, "dog")
_PAIRS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    (_A, _thing(0, 3, 1, "dog")),
    (_A, _thing(0, 7, 1, "dog", 4)),
    (_A, _thing(0, 3, 2, "dog", 2)),
    (_A, _thing(0, 5, 2, "cat", 2)),
    (_A, _thing(1, 3, 1, "dog")),
    (_A, _thing(2, 3, 1, "cat")),
    (_A, _thing(0, 3, 1, "dog", 5)),
)
"""Pairs of cut-outs: the same; later in its track; its neighbour; the cat of its video; a dog elsewhere; a cat
elsewhere; another place of its frame."""


def _right(method: str, a: Thing, b: Thing) -> bool:
    rules = {
        "branch": a["video"] == b["video"],
        "ranked": a["class_name"] == b["class_name"],
        "crosscl": (a["video"], a["frame"], a["place"]) == (b["video"], b["frame"], b["place"]),
        "codo": (a["video"], a["track"]) == (b["video"], b["track"]),
    }
    return rules[method]


@checker
def attracts(answer: Callable[[str, Thing, Thing], bool | None]) -> Verdict:
    """`answer(method, a, b)`: whether two cut-outs attract; dicts with video, frame, track, class_name, place."""
    for method in ("branch", "ranked", "crosscl", "codo"):
        given = [answer(method, dict(a), dict(b)) for a, b in _PAIRS]
        if all(value is None or value is ... for value in given):
            return unanswered()
        wanted = [_right(method, a, b) for a, b in _PAIRS]
        if [bool(value) for value in given] == wanted:
            continue
        tracks = [a["track"] == b["track"] for a, b in _PAIRS]
        frames = [(a["video"], a["frame"]) == (b["video"], b["frame"]) for a, b in _PAIRS]
        found = [bool(value) for value in given]
        if method == "codo" and found == tracks:
            return wrong("codo: track numbers start anew in every video. Track 1 of another video is another object.")
        if method == "crosscl" and found == frames:
            return wrong("crosscl: two places of one frame do not attract; they repel. The place must be the same too.")
        if method == "branch" and found == frames:
            return wrong("branch: two frames of a video attract, not only a frame and itself.")
        first = next(i for i, (x, y) in enumerate(zip(found, wanted, strict=True)) if x != y)
        a, b = _PAIRS[first]
        should = "attract" if wanted[first] else "do not attract"
        return wrong(f"{method}: {_shown(a)} and {_shown(b)} {should}.")
    return correct("one line for each method, and they disagree on nearly every pair.")


@checker
def equal_steps(answer: Callable[[int, int, float, float], float | None]) -> Verdict:
    """`answer(steps, pretrain_steps, detector_cost, pretrain_cost)`: steps from scratch of the same total cost."""

    def right(steps: int, before: int, detector: float, cost: float) -> float:
        return steps + before * cost / detector

    mistakes = (
        Mistake(
            lambda s, p, _d, _c: s + p, "you added steps of two kinds. Their costs differ: turn one into the other."
        ),
        Mistake(
            lambda s, p, d, c: s + p * d / c, "the quotient is turned over: a cheap step of pre-training is worth less."
        ),
        Mistake(lambda _s, p, d, c: p * c / d, "that is the pre-training alone. The detector's own steps come on top."),
        Mistake(
            lambda s, p, d, c: s * d + p * c, "that is the cost in seconds. Divide it by the cost of a detector's step."
        ),
        Mistake(lambda s, _p, _d, _c: s, "that gives the pre-training away for nothing: it has to be paid for."),
    )
    examples = ((200, 150, 0.3, 0.2), (100, 400, 0.25, 0.05), (300, 0, 0.3, 0.2), (240, 90, 0.2, 0.4))
    return grade(answer, right, examples, mistakes, "so many steps are what the time would have bought.", 0.51)


@checker
def survivors(answer: Callable[[Sequence[float]], Sequence[int] | None]) -> Verdict:
    """`answer(p_values)`: positions that Holm's step-down keeps at 5 %, in ascending order."""
    examples: tuple[tuple[list[float]], ...] = (
        ([0.004, 0.03, 0.02, 0.6],), ([0.012, 0.011, 0.013, 0.014],), ([0.2, 0.5],), ([0.04, 0.03, 0.045],),
    )  # fmt: skip
    mistakes = (
        Mistake(lambda p: [i for i, v in enumerate(p) if v <= 0.05], "that pays for one look, but you looked at all."),
        Mistake(
            lambda p: [i for i, v in enumerate(p) if v * len(p) <= 0.05],
            "that is Bonferroni: it pays the full price every time. Holm divides by the tests that are still left.",
        ),
        Mistake(_without_stop, "Holm stops at the first that fails: whoever comes after it is out, however small."),
    )
    return grade(
        lambda p: _list(answer(p)), holm, examples, mistakes, "the smallest pays for all, the next for one less."
    )


def holm(p_values: Sequence[float], level: float = 0.05) -> list[int]:
    """Positions of the hypotheses that are rejected by Holm's procedure (Holm 1979), ascending; NaN comes last."""
    order = sorted(range(len(p_values)), key=lambda i: (p_values[i] != p_values[i], p_values[i]))
    kept: list[int] = []
    for rank, position in enumerate(order):
        if not p_values[position] <= level / (len(p_values) - rank):
            break
        kept.append(position)
    return sorted(kept)


def _without_stop(p_values: Sequence[float]) -> list[int]:
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    return sorted(i for rank, i in enumerate(order) if p_values[i] <= 0.05 / (len(p_values) - rank))


def _list(value: Any) -> Any:
    return value if value is None or value is ... else sorted(int(i) for i in value)


def _shown(thing: Thing) -> str:
    return f"the {thing['class_name']} (video {thing['video']}, frame {thing['frame']}, track {thing['track']}, " \
           f"place {thing['place']})"  # fmt: skip
