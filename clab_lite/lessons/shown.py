"""Which widgets a cell shows: when it has run again, those of its earlier run are closed, in kernel and page.

ipywidgets keeps every widget until it is closed, and IPython every result in `Out`: a cell that is run twenty times
would leave twenty of each, with their comms, figures and pictures. From the first widget on, `Out` holds the last
result of each cell. A notebook says which cell it runs (`cellId`); without that, nothing is closed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import ipywidgets as widgets
from ipywidgets.widgets import widget as registry

_NAME = "clab_lite_shown"
"""The shell carries what its cells show: it lives as long."""


def note(widget: widgets.Widget) -> None:
    """The cell that runs now, if there is one, shows this widget."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not hasattr(shell, "get_parent"):  # plain Python, or a terminal
        return
    cell = (shell.get_parent() or {}).get("metadata", {}).get("cellId")
    if not cell:
        return
    if not hasattr(shell, _NAME):
        setattr(shell, _NAME, ShownWidgets())
        shell.events.register("post_run_cell", partial(_ended, shell))
    getattr(shell, _NAME).add(cell, widget)


def _ended(shell: Any, result: Any) -> None:
    """A cell has run. What a front end runs silently for itself has no id."""
    if result.info is None or not result.info.cell_id:
        return
    for number in getattr(shell, _NAME).settle(result.info.cell_id, result.execution_count, bool(result.success)):
        forget_result(shell, number)


class ShownWidgets:
    """What each cell of one kernel shows, by the id of the cell."""

    def __init__(self) -> None:
        self._now: dict[str, list[widgets.Widget]] = {}
        """In the run that goes on."""
        self._before: dict[str, list[widgets.Widget]] = {}
        """In the last run that ended well, and in those that failed after it."""
        self._numbers: dict[str, list[int]] = {}
        """Of these runs; also of cells that show no widget."""

    def add(self, cell: str, widget: widgets.Widget) -> None:
        """The cell shows this widget, with all that is in it; a live board does so again and again."""
        shown = self._now.setdefault(cell, [])
        if not any(one is widget for one in shown):
            shown.append(widget)

    def settle(self, cell: str, number: int | None, succeeded: bool) -> list[int]:
        """A run of the cell has ended: close what it showed earlier, unless it or another cell still shows it.

        After an error the reader mends the cell and may show the old widget again: it stays until the next good run.

        Args:
            cell: its id.
            number: of the run, the n of In[n].
            succeeded: whether it ended without an error.

        Returns:
            The numbers of the earlier runs: their results are seen nowhere any more.
        """
        now, before = self._now.pop(cell, []), self._before.pop(cell, [])
        numbers = self._numbers.pop(cell, [])
        own = [] if number is None else [number]
        if not succeeded:
            now, numbers, own = before + now, [], numbers + own
        if now:
            self._before[cell] = now
        self._numbers[cell] = own
        if succeeded and before:
            kept = parts_of(one for shown in (*self._before.values(), *self._now.values()) for one in shown)
            close(widget for widget in parts_of(before).values() if id(widget) not in kept)
        return numbers


def parts_of(shown: Iterable[widgets.Widget]) -> dict[int, widgets.Widget]:
    """The widgets and all that they refer to: children, layouts, styles. By `id`."""
    found: dict[int, widgets.Widget] = {}
    waiting = list(shown)
    while waiting:
        widget = waiting.pop()
        if id(widget) not in found:
            found[id(widget)] = widget
            waiting += _referred(widget)
    return found


def close(closing: Iterable[widgets.Widget]) -> None:
    """Close widgets, and those that only serve them: what listens to the mouse on one, or links one to another."""
    closed = {id(widget): widget for widget in closing}
    alive: dict[str, widgets.Widget] = getattr(registry, "_instances", {})
    for widget in list(alive.values()) if closed else []:
        # A box may hold what is closed beside what is not; a link or a listener has nothing else to do.
        if not isinstance(widget, widgets.DOMWidget) and any(id(one) in closed for one in _referred(widget)):
            closed[id(widget)] = widget
    for widget in closed.values():
        widget.close()


def forget_result(shell: Any, number: int) -> None:
    """Take the result of a run, and what it showed, out of IPython's history: Out[n], _n, the pictures for `%notebook`.

    The last three, _, __ and ___, pass by.
    """
    shell.user_ns.get("_oh", {}).pop(number, None)
    getattr(shell.history_manager, "outputs", {}).pop(number, None)
    shell.del_var(f"_{number}", by_name=True)


def _referred(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """The widgets in the synchronised traits of a widget."""
    for name in widget.keys:
        yield from _inside(getattr(widget, name))


def _inside(value: Any) -> Iterator[widgets.Widget]:
    if isinstance(value, widgets.Widget):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inside(one)
    elif isinstance(value, dict):
        yield from _inside(tuple(value.values()))
