"""What goes wrong in work done later is shown as a line: the log of the kernel's loop is read by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import ipywidgets as widgets
import pytest
from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.lessons.contrast.drag import Drag
from clab_lite.lessons.later import Later
from clab_lite.lessons.maps.linked import LinkedMaps
from clab_lite.show.style import new_figure, to_png

EVENT = {"boundingRectWidth": 200, "boundingRectHeight": 150, "relativeX": 100, "relativeY": 75}


def broken(*_: object, **__: object) -> None:
    raise ValueError("no <such> file")


def drawn() -> Figure:
    figure, (axes,) = new_figure(4, 3)
    axes.plot([0, 1], [0, 1])
    to_png(figure)
    return figure


def test_an_error_becomes_a_line_with_and_without_a_loop() -> None:
    said: list[str] = []
    later = Later(broken, seconds=0.01, say=said.append)
    later.ask()
    later.now()
    assert said == ["could not be drawn: ValueError: no <such> file"] * 2

    async def ask() -> list[dict[str, object]]:
        logged: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
        later.ask()
        await asyncio.sleep(0.05)
        later.ask()  # an error does not end it
        await asyncio.sleep(0.05)
        return logged

    assert asyncio.run(ask()) == [] and len(said) == 4


def test_without_a_place_to_say_it_an_error_is_raised() -> None:
    with pytest.raises(ValueError, match="no <such> file"):
        Later(broken).ask()


def test_work_at_once_needs_no_request_any_more() -> None:
    done: list[int] = []

    async def ask() -> None:
        later = Later(lambda: done.append(1), seconds=0.01)
        later.ask()
        later.now()
        await asyncio.sleep(0.05)

    asyncio.run(ask())
    assert done == [1]


@pytest.mark.parametrize("kind", ["pointer", "drag, grab", "drag, move"])
def test_the_mouse_says_it_under_the_figure(kind: str) -> None:
    explorer = lessons.explore(lambda slope: (drawn(), f"slope {slope}"), slope=lessons.slider("slope", 0, 2, 1, 1))
    figure: Callable[[], Figure | None] = lambda: explorer.figure  # noqa: E731
    if kind == "pointer":
        lessons.pointer(explorer.picture, figure, broken, say=explorer.tell)._handle(EVENT)
    else:
        grab, move = (broken, print) if kind == "drag, grab" else (lambda *_: None, broken)
        Drag(explorer.picture, figure, 0, grab, move, say=explorer.tell).handle({"type": "mousedown", **EVENT})
    assert explorer.numbers == "could not be drawn: ValueError: no <such> file"
    (_, _, line) = explorer.widget.children
    assert isinstance(line, widgets.HTML) and "no &lt;such&gt; file" in line.value
    explorer.set(slope=2)
    assert explorer.numbers == "slope 2" and "slope 2" in line.value


def test_maps_say_it_beside_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from clab_lite.embeddings import embed_levels
    from clab_lite.lessons.maps.drawing import MapPanel

    index = lessons.samples("val").select([0])
    torch_model = lessons.trained("clab").detector
    table = embed_levels(torch_model, index, ("frame",), frame_step=3, progress=False)["frame"]
    maps = LinkedMaps(index, table, [MapPanel(name, table.map()) for name in "ab"])
    picture = maps.album.picture
    monkeypatch.setattr(maps.album, "picture", broken)
    monkeypatch.setattr(maps.album, "sheet", broken)
    maps.hover(1)
    maps.select([0, 1])
    for line in (maps.line, maps.chosen):
        assert "could not be drawn: ValueError: no &lt;such&gt; file" in line.value
    monkeypatch.setattr(maps.album, "picture", picture)
    maps.hover(2)
    assert "could not" not in maps.line.value
