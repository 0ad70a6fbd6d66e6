"""`explore`: controls above, a figure below, a line of numbers under it; and its static twin from the same function."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.lessons.controls import as_control
from clab_lite.lessons.later import DRAWING, Later
from clab_lite.lessons.twin import as_png, bundle

Drawn = Figure | tuple[Figure, str]
"""What a drawing function returns: the figure, or the figure and one line of numbers."""


class Explorer:
    """A drawing function and the controls of its arguments.

    In a notebook it shows itself as a cell's last line. In plain Python it works too: `set`, `figure`, `numbers`.
    """

    def __init__(self, draw: Callable[..., Drawn], controls: dict[str, widgets.Widget]) -> None:
        self._draw = draw
        self.controls = controls
        """By the argument that each one sets."""
        self.figure: Figure | None = None
        """As drawn last."""
        self.numbers = ""
        """The line under the figure; after an error, what went wrong."""
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        """The widget that shows the figure: `lessons.pointer(explorer.picture, lambda: explorer.figure, ...)`."""
        self._line = widgets.HTML()
        self._later = Later(self._refresh, say=self.tell)
        with DRAWING:
            figure, self.numbers = self._drawn()  # an error in the first drawing is the author's: it is not hidden
            self.figure = figure
            self.twin = as_png(figure)
        """PNG of the figure at the starting values."""
        self._twin_numbers = self.numbers
        self._show(self.twin)
        for control in controls.values():
            control.observe(lambda _: self._later.ask(), names="value")
        row = widgets.Box(list(controls.values()), layout=widgets.Layout(flex_flow="row wrap", grid_gap="4px 28px"))
        self.widget = widgets.VBox([row, self.picture, self._line], layout=widgets.Layout(max_width="100%"))
        """All of it, to put beside other widgets."""

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> Explorer:
        """Move controls, as a hand would, and draw at once.

        Raises:
            DataError: there is no such control.
        """
        for name, value in values.items():
            if name not in self.controls:
                raise DataError(f"there is no control {name!r}. There are: {', '.join(self.controls)}.")
            self.controls[name].value = value
        self.redraw()
        return self

    def redraw(self) -> None:
        """Draw now, for example after something else than a control has changed."""
        self._later.now()

    def _drawn(self) -> tuple[Figure, str]:
        answer = self._draw(**self.values)
        figure, numbers = answer if isinstance(answer, tuple) else (answer, "")
        return figure, numbers

    def _refresh(self) -> None:
        figure, numbers = self._drawn()
        png = as_png(figure)
        self.figure, self.numbers = figure, numbers
        self._show(png)

    def _show(self, png: bytes) -> None:
        self.picture.value = png
        self.tell(self.numbers)

    def tell(self, numbers: str) -> None:
        """Write the line under the figure, until the next drawing."""
        self.numbers = numbers
        self.say(self._line, numbers)

    @staticmethod
    def say(line: widgets.HTML, text: str) -> None:
        """Write one line of numbers; readers of the screen hear it change."""
        line.value = f'<div role="status" style="font-size:15px;line-height:1.5">{html.escape(text)}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        settings = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        return bundle(self.widget, self._twin_numbers or f"a figure at {settings}", png=self.twin)


def explore(draw: Callable[..., Drawn], **controls: Any) -> Explorer:
    """Let a reader move the arguments of a drawing function.

    Args:
        draw: `draw(**values)` -> Figure, or (Figure, "one line of numbers"). It must answer within half a second:
            compute what is slow beforehand.
        controls: for each argument an ipywidget (`lessons.slider` and its neighbours), a truth value for a check box,
            or a list to choose from.

    Raises:
        DataError: a control is none of these. Whatever `draw` raises at the starting values.
    """
    return Explorer(draw, {name: as_control(name, given) for name, given in controls.items()})
