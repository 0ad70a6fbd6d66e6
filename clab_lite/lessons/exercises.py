"""Verdicts of exercise checkers: right, wrong and why, or not answered yet."""

from __future__ import annotations

import functools
import html
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from clab_lite.show.style import GREEN, GREY, VERMILLION

State = Literal["correct", "wrong", "unanswered"]
_SIGNS: dict[State, tuple[str, str, str]] = {
    "correct": ("✓", "correct", GREEN),
    "wrong": ("✗", "not yet", VERMILLION),
    "unanswered": ("○", "not answered yet", GREY),
}


@dataclass(frozen=True)
class Verdict:
    """What a checker says; it shows itself as a cell's last line."""

    state: State
    message: str

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.state == "correct"

    def __str__(self) -> str:
        sign, word, _ = _SIGNS[self.state]
        return f"{sign} {word}: {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sign, word, colour = _SIGNS[self.state]
        style = f"border-left:4px solid {colour};padding:6px 12px;margin:4px 0;font-size:15px;max-width:900px"
        strong = f'<b style="color:{colour}">{sign} {word}</b>'
        return f'<div role="status" style="{style}">{strong}: {html.escape(self.message)}</div>'


def correct(message: str = "well done.") -> Verdict:
    """The answer is right; `message` says what it shows."""
    return Verdict("correct", message)


def wrong(message: str) -> Verdict:
    """The answer is wrong; `message` names the mistake and the next step, not the solution."""
    return Verdict("wrong", message)


def unanswered(message: str = "edit the cell above and run it, then run this cell again.") -> Verdict:
    """Nothing has been filled in."""
    return Verdict("unanswered", message)


def checker(check: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """For checkers whose first argument is the answer: None and ... are "not answered yet", an error in the learner's
    code becomes a verdict that names it and its line, and an answer of another form than asked for is called that.
    """

    @functools.wraps(check)
    def guarded(answer: Any, *others: Any, **named: Any) -> Verdict:
        if answer is None or answer is ...:
            return unanswered()
        try:
            return check(answer, *others, **named)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            if _stopped_in(answer, error):
                return wrong(f"your code stopped with {what}{_place(error)}")
            return wrong(f"your answer has another form than the task asks for: it cannot be checked ({what})")

    return guarded


def _stopped_in(answer: Any, error: BaseException) -> bool:
    """Whether the error came while the learner's code ran, not while what it gave was looked at.

    That code: a function, a class, an object that can be called (a module of PyTorch is one), or a partial of these.
    """
    if not callable(answer):
        return False
    target = inspect.unwrap(answer.func if isinstance(answer, functools.partial) else answer)
    kind, names = (target, ("__init__", "__call__")) if isinstance(target, type) else (type(target), ("__call__",))
    codes = [getattr(part, "__code__", None) for part in (target, *(getattr(kind, name, None) for name in names))]
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _place(error: BaseException) -> str:
    """The line of the learner's cell in which it stopped; nothing where that is unknown."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ipykernel" in frame.filename or frame.filename.startswith("<ipython")]
    return f" (line {own[-1].lineno} of your cell: {own[-1].line})" if own else ""
