"""The self-test of a lesson: five questions from a file; every choice answers with its reason."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError
from clab_lite.lessons.choices import STYLE, radio
from clab_lite.lessons.places import notebooks_folder
from clab_lite.lessons.twin import bundle
from clab_lite.plain_values import built
from clab_lite.show.style import GREEN, VERMILLION


@dataclass(frozen=True)
class Choice:
    """One answer to a question."""

    text: str
    right: bool
    because: str


@dataclass(frozen=True)
class Question:
    """A question; exactly one of its choices is right."""

    question: str
    choices: tuple[Choice, ...]


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read [{"question": str, "choices": [{"text": str, "right": bool, "because": str}, ...]}, ...].

    Raises:
        DataError: no such file, not that form, or a question without exactly one right choice.
    """
    remedy = 'Write a list of {"question", "choices": [{"text", "right", "because"}]}.'
    try:
        questions = built(tuple[Question, ...], read_json(path, f"{remedy} Or copy it from the repository."))
    except DataError:
        raise
    except ValueError as error:
        raise DataError.at(path, "", f"is no list of questions ({error})", remedy) from error
    for number, question in enumerate(questions, 1):
        right = sum(choice.right for choice in question.choices)
        if right != 1:
            raise DataError.at(path, f"question {number}", f"has {right} right choices", "Mark exactly one.")
    return questions


class Quiz:
    """Questions with feedback; shows itself."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        self._radios = [radio([choice.text for choice in question.choices]) for question in self.questions]
        self._answers = [widgets.HTML() for _ in self.questions]
        self._score = widgets.HTML(f"{STYLE}<i>Choose one answer each; you may change your mind.</i>")
        parts: list[widgets.Widget] = []
        for number, question in enumerate(self.questions):
            title = widgets.HTML(
                f'<div class="clab-lite-question"><b>{number + 1}. {html.escape(question.question)}</b></div>'
            )
            self._radios[number].observe(lambda _, number=number: self._answer(number), names="index")
            parts += [title, self._radios[number], self._answers[number]]
        self.widget = widgets.VBox([*parts, self._score], layout=widgets.Layout(max_width="900px"))

    @classmethod
    def of(cls, name: str) -> Quiz:
        """The quiz of the lesson `name`: questions/NAME.json beside the notebooks. DataError where it is absent."""
        folder = notebooks_folder() or Path.cwd()
        return cls(read_questions(folder / "questions" / f"{name}.json"))

    def choose(self, question: int, choice: int) -> str:
        """Choose, as a hand would; the feedback (both numbers count from 0)."""
        self._radios[question].index = choice
        return self._feedback(question)

    @property
    def right(self) -> int:
        """Questions that are answered rightly now."""
        chosen = [button.index for button in self._radios]
        return sum(
            index is not None and question.choices[index].right
            for index, question in zip(chosen, self.questions, strict=True)
        )

    def _feedback(self, number: int) -> str:
        choice = self.questions[number].choices[self._radios[number].index]
        return f"{'✓ right' if choice.right else '✗ not so'}: {choice.because}"

    def _answer(self, number: int) -> None:
        choice = self.questions[number].choices[self._radios[number].index]
        style = f"border-left:4px solid {GREEN if choice.right else VERMILLION};padding:2px 10px;margin-bottom:10px"
        self._answers[number].value = f'<div role="status" style="{style}">{html.escape(self._feedback(number))}</div>'
        self._score.value = f"{STYLE}<b>{self.right} of {len(self.questions)} right.</b>"

    def _twin(self) -> str:
        """The questions, their answers folded."""
        parts = []
        for question in self.questions:
            items = "".join(f"<li>{html.escape(choice.text)}</li>" for choice in question.choices)
            reasons = "".join(
                f"<li>{'✓' if choice.right else '✗'} {html.escape(choice.text)}: {html.escape(choice.because)}</li>"
                for choice in question.choices
            )
            folded = f"<details><summary>Answer</summary><ul>{reasons}</ul></details>"
            parts.append(f"<li><b>{html.escape(question.question)}</b><ul>{items}</ul>{folded}</li>")
        return f"<ol>{''.join(parts)}</ol>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, f"a self-test of {len(self.questions)} questions", html=self._twin())
