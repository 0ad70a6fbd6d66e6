"""What a cell showed is closed when it has run again; what is still seen stays. Also in a real kernel."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import ipywidgets as widgets
import pytest
from ipyevents import Event
from jupyter_client.manager import start_new_kernel

from clab_lite import lessons
from clab_lite.lessons.player import Player
from clab_lite.lessons.shown import ShownWidgets, parts_of
from clab_lite.lessons.twin import WIDGET_VIEW
from clab_lite.show.style import new_figure

ROOT = Path(__file__).parents[2]
LINE = """
from clab_lite import lessons
from clab_lite.show.style import new_figure
def line(slope=1.0):
    figure, (axes,) = new_figure(4, 3)
    axes.plot([0, 1], [0, slope])
    return figure, f"slope {slope:g}"
"""


def opened(*some: widgets.Widget) -> list[bool]:
    return [one.comm is not None for one in some]


def box() -> widgets.Box:
    return widgets.VBox([widgets.HTML("a"), widgets.HBox([widgets.IntSlider()])])


def test_a_second_run_closes_all_of_the_first() -> None:
    shown, first, second = ShownWidgets(), box(), box()
    parts = list(parts_of([first]).values())
    assert len(parts) == 4 + 4 + 2  # widgets, their layouts, and the styles of the text and the slider
    shown.add("a", first)
    assert shown.settle("a", 1, succeeded=True) == []
    shown.add("a", second)
    assert shown.settle("a", 2, succeeded=True) == [1]
    assert not any(opened(*parts)) and all(opened(*parts_of([second]).values()))


def test_what_is_shown_again_or_by_another_cell_stays() -> None:
    shown, inner, other = ShownWidgets(), box(), box()
    outer = widgets.VBox([inner])
    shown.add("a", inner)
    shown.add("a", other)
    shown.settle("a", 1, succeeded=True)
    shown.add("b", outer)
    shown.settle("b", 2, succeeded=True)
    shown.add("a", other)
    shown.settle("a", 3, succeeded=True)  # inner is left out here, and stands in b
    assert opened(inner, other, outer, inner.children[1]) == [True] * 4
    shown.settle("b", 4, succeeded=True)  # b shows nothing any more
    assert opened(inner, other, outer) == [False, True, False]


def test_a_run_that_failed_closes_nothing() -> None:
    shown, first = ShownWidgets(), box()
    shown.add("a", first)
    shown.settle("a", 1, succeeded=True)
    assert shown.settle("a", 2, succeeded=False) == []
    assert opened(first) == [True]
    shown.add("a", first)
    assert shown.settle("a", 3, succeeded=True) == [1, 2]
    assert opened(first) == [True]
    assert shown.settle("a", 4, succeeded=True) == [3] and opened(first) == [False]


def test_what_listens_to_a_closed_widget_or_links_it_is_closed_with_it() -> None:
    shown, player = ShownWidgets(), Player(3, lambda position: new_figure(2, 2)[0])
    mouse = Event(source=player.picture, watched_events=["click"])
    beside = widgets.VBox([player.picture, widgets.HTML()])  # made by the reader, and shown nowhere yet
    for number in (1, 2):
        if number == 1:
            shown.add("a", player.widget)
        shown.settle("a", number, succeeded=True)
    assert opened(player.slider, player._link, mouse, beside) == [False, False, False, True]


def test_a_closed_explorer_shows_its_twin_and_still_answers() -> None:
    explorer = lessons.explore(lambda slope: new_figure(2, 2)[0], slope=lessons.slider("slope", 0, 2, 1, 1))
    shown = ShownWidgets()
    shown.add("a", explorer.widget)
    shown.settle("a", 1, succeeded=True)
    shown.settle("a", 2, succeeded=True)
    assert set(explorer._repr_mimebundle_()) == {"text/plain", "image/png"}
    assert explorer.set(slope=2).values == {"slope": 2}
    fresh = lessons.explore(lambda slope: new_figure(2, 2)[0], slope=lessons.slider("slope", 0, 2, 1, 1))
    assert WIDGET_VIEW in fresh._repr_mimebundle_()


class Kernel:
    """A kernel that runs cells, as JupyterLab asks it to."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self._manager, self._client = start_new_kernel(cwd=str(ROOT), env=os.environ | {"PYTHONPATH": paths})

    def run(self, code: str, cell: str) -> str:
        """What the code prints."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        asked = self._client.session.msg("execute_request", content, metadata={"cellId": cell})
        self._client.shell_channel.send(asked)
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                continue
            kind, said = message["msg_type"], message["content"]
            if kind == "stream":
                printed += said["text"]
            assert kind != "error" or said["ename"] == "ZeroDivisionError", said
            if kind == "status" and said["execution_state"] == "idle":
                return printed.strip()

    def counts(self) -> dict[str, int]:
        """See `trials.health.kernel.counts`."""
        code = "from trials.health.kernel import counts\nprint(counts())"
        return ast.literal_eval(self.run(code, "counts"))

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    started = Kernel()
    yield started
    started.close()


@pytest.mark.slow
def test_running_a_cell_again_and_moving_its_slider_leave_a_kernel_as_it_was(kernel: Kernel) -> None:
    kernel.run(LINE, "start")
    again = "explorer = lessons.explore(line, slope=lessons.slider('slope', 0.0, 2.0, 1.0, 0.1))\nexplorer"
    for _ in range(4):
        kernel.run(again, "explore")
    before = kernel.counts()
    assert before["widgets"] == before["comms"] and before["explorers"] <= 4 and before["pyplot"] == 0
    for _ in range(6):
        kernel.run(again, "explore")
    kernel.run("for move in range(60):\n    explorer.set(slope=move % 20 / 10)", "move")
    assert kernel.counts() == before
    history = "print(sum(isinstance(one, lessons.Explorer) for one in Out.values()))"
    assert kernel.run(history, "look") == "1"
    assert kernel.run("print(explorer.numbers, explorer.widget.comm is not None)", "look") == "slope 1.9 True"


@pytest.mark.slow
def test_a_kernel_keeps_what_a_reader_still_has(kernel: Kernel) -> None:
    """A widget in a variable that another cell shows; the result of a cell after the next run failed."""
    kernel.run(LINE, "start")
    kernel.run("kept = lessons.explore(line)\nkept", "a")
    kernel.run("kept", "b")
    kernel.run("1 / 0", "a")
    alive = "print(kept.widget.comm is not None)"
    assert kernel.run(alive, "look") == "True"
    kernel.run("2", "a")
    assert kernel.run(alive, "look") == "True"
    kernel.run("3", "b")
    assert kernel.run(alive, "look") == "False"
    assert kernel.run("print(sorted(kept._repr_mimebundle_()))", "look") == "['image/png', 'text/plain']"
