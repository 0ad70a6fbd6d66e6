"""A question before a surprise: it takes a guess and gives no answer; the next cells do."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from clab_lite.lessons.choices import STYLE, radio
from clab_lite.lessons.twin import bundle
from clab_lite.show.style import BLUE


class Prediction:
    """The question, its choices and what the reader chose."""

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        self.question, self.choices = question, tuple(choices)
        self._radio = radio(self.choices)
        self._note = widgets.HTML("<i>Choose before you run the next cell.</i>")
        self._radio.observe(self._noted, names="index")
        title = widgets.HTML(f'{STYLE}<div class="clab-lite-question"><b>Predict:</b> {html.escape(question)}</div>')
        self.widget = widgets.VBox(
            [title, self._radio, self._note],
            layout=widgets.Layout(border_left=f"4px solid {BLUE}", padding="4px 12px", max_width="900px"),
        )

    @property
    def choice(self) -> str | None:
        """What the reader chose; None before."""
        index = self._radio.index
        return None if index is None else self.choices[index]

    def choose(self, choice: str) -> None:
        """Choose, as a hand would."""
        self._radio.index = self.choices.index(choice)

    def __repr__(self) -> str:
        chosen = f" You chose: {self.choice}." if self.choice else ""
        return f"Predict: {self.question} ({' / '.join(self.choices)}){chosen}"

    def _noted(self, _: Any) -> None:
        self._note.value = "<i>Noted. Run the next cell and compare.</i>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        items = "".join(f"<li>{html.escape(choice)}</li>" for choice in self.choices)
        twin = f"<p><b>Predict:</b> {html.escape(self.question)}</p><ul>{items}</ul>"
        return bundle(self.widget, repr(self), html=twin)
