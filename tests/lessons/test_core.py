"""The lessons core: explorers, controls, the static twin, the mouse, the player."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
import threading
import time

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from clab_lite import lessons
from clab_lite.errors import DataError
from clab_lite.lessons.later import Later
from clab_lite.lessons.mouse import locate
from clab_lite.lessons.twin import WIDGET_VIEW
from clab_lite.show.style import PlainFigure, new_figure, to_png


def line(slope: float = 1.0, **ignored: object) -> tuple[Figure, str]:
    figure, (axes,) = new_figure(4, 3)
    axes.plot([0, 1], [0, slope])
    return figure, f"slope {slope:g}"


def slope_explorer() -> lessons.Explorer:
    return lessons.explore(line, slope=lessons.slider("slope", 0.0, 2.0, 1.0, 0.5))


def test_the_package_names_what_it_has_and_stays_itself_after_imports() -> None:
    code = (
        "from clab_lite import lessons; import clab_lite.lessons.mouse, clab_lite.lessons.player\n"
        "assert all(callable(getattr(lessons, name)) for name in lessons.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="explorr"):
        _ = lessons.explorr


def test_explorer_shows_a_widget_and_the_same_picture_as_its_static_twin() -> None:
    explorer = slope_explorer()
    data = explorer._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/plain", "image/png"}
    assert base64.b64decode(data["image/png"]) == explorer.picture.value == explorer.twin
    assert data["text/plain"] == explorer.numbers == "slope 1"


def test_twin_stays_that_of_the_start() -> None:
    explorer = slope_explorer()
    before = explorer.twin
    explorer.set(slope=2.0)
    assert explorer.numbers == "slope 2"
    assert explorer.picture.value != before
    assert base64.b64decode(explorer._repr_mimebundle_()["image/png"]) == before
    assert explorer._repr_mimebundle_()["text/plain"] == "slope 1"


def test_moving_a_control_draws() -> None:
    explorer = slope_explorer()
    explorer.controls["slope"].value = 0.5
    assert explorer.numbers == "slope 0.5"
    assert explorer.figure is not None
    assert explorer.figure.axes[0].lines[0].get_ydata()[1] == 0.5


def test_many_movements_in_a_kernel_draw_once_with_the_last_value() -> None:
    calls: list[float] = []

    async def drag() -> None:
        explorer = lessons.explore(
            lambda slope: calls.append(slope) or line(slope), slope=lessons.slider("slope", 0.0, 2.0, 1.0, 0.5)
        )
        for value in (0.0, 0.5, 1.5, 2.0):
            explorer.controls["slope"].value = value
        assert calls == [1.0], "nothing is drawn while messages arrive"
        await asyncio.sleep(0.2)
        assert explorer.numbers == "slope 2"

    asyncio.run(drag())
    assert calls == [1.0, 2.0]


def test_later_can_be_asked_again_after_its_work() -> None:
    done: list[int] = []

    async def ask_twice() -> None:
        later = Later(lambda: done.append(1), seconds=0.01)
        later.ask()
        later.ask()
        await asyncio.sleep(0.05)
        later.ask()
        later.cancel()
        later.ask()
        await asyncio.sleep(0.05)

    asyncio.run(ask_twice())
    assert done == [1, 1]


def test_later_outlives_the_loop_that_it_was_asked_in() -> None:
    """A kernel may close the loop of a subshell before its timer fires."""
    done: list[int] = []
    later = Later(lambda: done.append(1), seconds=0.05)

    async def ask(wait: float) -> None:
        later.ask()
        await asyncio.sleep(wait)

    asyncio.run(ask(0.0))
    assert done == []
    asyncio.run(ask(0.1))
    assert done == [1]


def test_requests_of_two_threads_are_done_once() -> None:
    done: list[int] = []
    later = Later(lambda: done.append(1), seconds=0.3)
    both = threading.Barrier(2)

    async def ask() -> None:
        both.wait()
        later.ask()
        await asyncio.sleep(0.5)

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [1]


def test_two_threads_never_draw_at_once() -> None:
    busy, most = 0, 0

    def draw(number: int) -> tuple[Figure, str]:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.02)
        busy -= 1
        return line(number)

    players = [lessons.Player(4, draw) for _ in range(2)]
    threads = [threading.Thread(target=player.strip) for player in players]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_an_error_while_drawing_becomes_a_line_and_the_last_picture_stays() -> None:
    def fragile(number: int) -> Figure:
        if number == 3:
            raise ValueError("three <is> too many")
        return line()[0]

    explorer = lessons.explore(fragile, number=lessons.slider("number", 0, 5, 1, 1))
    before = explorer.picture.value
    explorer.set(number=3)
    assert explorer.numbers == "could not be drawn: ValueError: three <is> too many"
    assert "&lt;is&gt;" in explorer.widget.children[2].value
    assert explorer.picture.value == before
    assert explorer.set(number=4).numbers == ""


def test_an_error_in_the_first_drawing_is_the_authors() -> None:
    with pytest.raises(DataError, match="no picture"):
        lessons.explore(lambda **_: "text", on=True)


def test_unknown_controls_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"no control 'slop'.*slope"):
        slope_explorer().set(slop=1.0)
    with pytest.raises(DataError, match=r"control 'slope' is 1\.5"):
        lessons.explore(line, slope=1.5)


def test_shorthand_controls() -> None:
    explorer = lessons.explore(line, show_boxes=True, kind=["a", "b"], own=widgets.Text("x"))
    assert explorer.values == {"show_boxes": True, "kind": "a", "own": "x"}
    assert explorer.controls["show_boxes"].description == "show boxes"


def test_sliders() -> None:
    whole = lessons.slider("frames", 1, 9, 3, 2)
    assert isinstance(whole, widgets.IntSlider)
    fine = lessons.slider("weight", 0.0, 1.0, 0.3, 0.01)
    assert (fine.readout_format, fine.continuous_update) == (".2f", True)
    logarithmic = lessons.log_slider("temperature", 0.01, 10.0, 0.1)
    assert (logarithmic.min, logarithmic.max, logarithmic.value) == (-2.0, 1.0, 0.1)
    assert lessons.stops("weight", [0, 0.3, 3], 0.3).value == 0.3
    with pytest.raises(DataError, match=r"'frames'.*12.*outside 1 to 9"):
        lessons.slider("frames", 1, 9, 12, 1)
    with pytest.raises(DataError, match="no logarithm"):
        lessons.log_slider("weight", 0.0, 1.0, 0.5)
    with pytest.raises(DataError, match="does not move"):
        lessons.slider("weight", 0.0, 1.0, 0.5, 0)
    with pytest.raises(DataError, match="'c' is none of"):
        lessons.stops("weight", ["a", "b"], "c")


def test_choices_are_buttons_while_they_fit() -> None:
    assert isinstance(lessons.choice("shape", ["linear", "cosine"]), widgets.ToggleButtons)
    many = lessons.choice("class", [(f"class number {n}", n) for n in range(9)], 4)
    assert isinstance(many, widgets.Dropdown)
    assert many.value == 4


def test_twinned_wraps_any_widget() -> None:
    shown = lessons.twinned(widgets.Text("x"), line()[0], "a text")
    data = shown._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == "a text"


def test_figures_show_themselves() -> None:
    figure, _ = new_figure(4, 3)
    assert isinstance(figure, PlainFigure)
    assert Image.open(io.BytesIO(figure._repr_png_())).size == (400, 300)


def test_pointer_gives_data_coordinates_of_the_axes_under_it() -> None:
    figure, axes = new_figure(8, 4, 1, 2)
    axes[0].set(xlim=(0, 10), ylim=(0, 1))
    axes[1].set(xlim=(-1, 1), ylim=(5, -5))
    to_png(figure, dpi=100)
    for number, (x, y) in ((0, (2.5, 0.75)), (1, (0.5, -2.0))):
        across, up = figure.transFigure.inverted().transform(axes[number].transData.transform((x, y)))
        found = locate(figure, across, 1 - up)
        assert found is not None
        assert found == pytest.approx((number, x, y))
    assert locate(figure, 0.999, 0.999) is None


def test_pointer_reads_browser_events_and_leaves_out_the_margins() -> None:
    seen: list[tuple[int, float, float]] = []
    explorer = slope_explorer()
    pointer = lessons.pointer(explorer.picture, lambda: explorer.figure, lambda *point: seen.append(point))
    event = {"boundingRectWidth": 200, "boundingRectHeight": 150, "relativeX": 100, "relativeY": 75}
    pointer._handle(event)
    assert seen[0][0] == 0
    pointer._handle({**event, "relativeX": 0, "relativeY": 0})
    pointer._handle({**event, "boundingRectWidth": 0})
    assert len(seen) == 1
    pointer.point(0.5, 0.5)
    assert seen[1] == seen[0]


def test_player_scrubs_frames_and_shows_a_strip_without_a_kernel() -> None:
    frames = [np.full((3, 64, 96), 20 * n, np.uint8) for n in range(9)]
    player = lessons.Player(frames)
    player.set(4)
    shown = np.asarray(Image.open(io.BytesIO(player.picture.value)))
    assert shown.shape == (320, 480, 3)  # small frames are enlarged
    assert (shown == 80).all()
    strip = Image.open(io.BytesIO(base64.b64decode(player._repr_mimebundle_()["image/png"])))
    assert strip.size == (960, 640)


def test_player_draws_each_position_once() -> None:
    drawn: list[int] = []
    player = lessons.Player(3, lambda n: drawn.append(n) or (line(n)[0], f"frame {n}"))
    player.set(2).set(0).set(2)
    assert (drawn, player.numbers, player.position) == ([0, 2], "frame 2", 2)
    player.redraw()
    assert drawn == [0, 2, 2]
    with pytest.raises(DataError, match="no frame"):
        lessons.Player([])
    with pytest.raises(DataError, match="draw="):
        lessons.Player(3)
