"""A widget and its static twin: what a reader sees where no kernel runs (GitHub, PDF, a reopened notebook)."""

from __future__ import annotations

import base64
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from clab_lite.errors import DataError
from clab_lite.lessons import shown
from clab_lite.lessons.later import DRAWING
from clab_lite.show.style import NOTEBOOK_DPI, to_png

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def as_png(picture: Figure | bytes) -> bytes:
    """A figure drawn, or a PNG as it is.

    Raises:
        DataError: it is neither.
    """
    if isinstance(picture, Figure):
        with DRAWING:
            return to_png(picture, NOTEBOOK_DPI)
    if isinstance(picture, bytes) and picture.startswith(b"\x89PNG"):
        return picture
    raise DataError(f"{type(picture).__name__} is no picture. Return a matplotlib Figure, or the bytes of a PNG.")


def bundle(widget: widgets.Widget, text: str, **twins: bytes | str) -> dict[str, Any]:
    """What IPython shows: the widget, `text` where nothing else can be shown, and the twins.

    Args:
        widget: shown by a notebook with a kernel.
        text: one line.
        twins: png (bytes), html (str): shown where the widget cannot be.
    """
    data: dict[str, Any] = {"text/plain": text}
    if widget.comm is not None:  # closed, when its cell has run again: then the twins alone
        data[WIDGET_VIEW] = widget._repr_mimebundle_()[WIDGET_VIEW]
        shown.note(widget)
    if "png" in twins:
        png = twins["png"]
        data["image/png"] = base64.b64encode(png).decode("ascii") if isinstance(png, bytes) else png
    if "html" in twins:
        data["text/html"] = twins["html"]
    return data


class Twinned:
    """Any widget with a picture as its static twin."""

    def __init__(self, widget: widgets.Widget, picture: Figure | bytes, text: str = "") -> None:
        self.widget = widget
        self.twin = as_png(picture)
        """PNG."""
        self._text = text or "an interactive view; its picture at the start stands here without a kernel"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, self._text, png=self.twin)


def twinned(widget: widgets.Widget, picture: Figure | bytes, text: str = "") -> Twinned:
    """Show `widget` where a kernel runs, and `picture` (made by the same function) everywhere else.

    The value of a cell's last line; `.widget` is the widget itself.
    """
    return Twinned(widget, picture, text)
