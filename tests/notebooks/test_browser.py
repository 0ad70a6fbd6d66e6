"""Lessons in a real JupyterLab and a real browser: their widgets answer to keyboard and mouse, none shows an error."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, browser_path
from lasso import lasso, maps_of
from lesson_runs import NOTEBOOKS

pytest.importorskip("playwright", reason="playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser_path() is None, reason="no Chromium or Chrome on this machine"),
]
NAMES = ("00_start_here", "04_contrast", "06_loss_weights", "08_embeddings_before_and_after",
         "11_ranked_contrast")  # fmt: skip
_NEARLY_ALL = [(0.1, 0.03), (0.98, 0.03), (0.98, 0.97), (0.1, 0.97), (0.1, 0.05)]
"""Of a map, without the buttons at its left edge."""
PATIENCE = 60.0
"""Seconds until a change must be seen. A laptop needs one; tests share their cores."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab([path for name in NAMES if (path := NOTEBOOKS / f"{name}.ipynb").exists()]) as started:
        yield started


def opened(lab: Lab, name: str) -> Lab:
    assert (NOTEBOOKS / f"{name}.ipynb").exists(), f"run: python notebooks/build.py {name[:2]}"
    lab.open(f"{name}.ipynb")
    lab.run_all()
    return lab


def finish(lab: Lab, name: str) -> None:
    """No widget error; pictures are kept where CLAB_LITE_SHOTS names a folder."""
    if os.environ.get("CLAB_LITE_SHOTS"):
        lab.shots(Path(os.environ["CLAB_LITE_SHOTS"], name))
    assert lab.problems() == []


def until(changed: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not changed():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def pictures(cell: Any) -> list[str]:
    """Addresses of the pictures: each new picture of a widget gets a new one."""
    return [image.get_attribute("src") for image in cell.locator("img.widget-image").all()]


def numbers(cell: Any) -> list[str]:
    """Lines of numbers in a cell's output; not the numbers beside the sliders."""
    return [line.inner_text() for line in cell.locator(".widget-html").all()]


def move_by_keyboard(lab: Lab, position: int, key: str = "ArrowRight", times: int = 4, slider: int = 0) -> None:
    """Move a slider of a cell by its arrow keys: the figure and the numbers change."""
    cell = lab.cell(position)
    handle = cell.locator("[role=slider]").nth(slider)
    handle.scroll_into_view_if_needed()
    before, said = pictures(cell), numbers(cell)
    assert before, "no picture there"
    handle.focus()
    for _ in range(times):
        lab.page.keyboard.press(key)
        lab.page.wait_for_timeout(60)
    until(lambda: pictures(cell) != before, "the figure did not change")
    until(lambda: numbers(cell) != said, "the numbers did not change")


def only(lab: Lab, code: str) -> int:
    """The one cell with this code."""
    (position,) = lab.cells_with(code)
    return position


def test_start_here(lab: Lab) -> None:
    opened(lab, NAMES[0])
    move_by_keyboard(lab, only(lab, "tour.draw_threshold("), times=12)
    move_by_keyboard(lab, only(lab, "tour.draw_frame("), times=2)
    quiz = lab.cell(only(lab, ".quiz()"))
    quiz.locator("input[type=radio]").first.check()
    until(lambda: any("right" in line or "not so" in line for line in numbers(quiz)), "the quiz does not answer")
    finish(lab, NAMES[0])


def test_contrast(lab: Lab) -> None:
    opened(lab, NAMES[1])
    move_by_keyboard(lab, only(lab, "angle_explorer("), times=6)
    move_by_keyboard(lab, only(lab, "temperature_explorer("), times=3)
    finish(lab, NAMES[1])


def test_weight_explorer(lab: Lab) -> None:
    opened(lab, NAMES[2])
    explorer = only(lab, "weights.weight_explorer(")
    move_by_keyboard(lab, explorer, times=5)
    before = pictures(lab.cell(explorer))
    lab.run_cell(explorer)  # its old widgets are closed
    until(lambda: (pictures(lab.cell(explorer)) or before) != before, "the cell that ran again shows no new widget")
    move_by_keyboard(lab, explorer, times=2)
    finish(lab, NAMES[2])


def test_a_lasso_in_one_map_selects_in_the_other(lab: Lab) -> None:
    opened(lab, NAMES[3])
    cell = lab.cell(lab.cells_with("maps.link(")[0])
    cell.locator("canvas").first.evaluate("map => map.scrollIntoView({block: 'center'})")
    lab.page.wait_for_timeout(3000)  # the maps are drawn by the browser
    left, right = maps_of(lab.page)[:2]
    before, said, shown = picture_of(lab, right), numbers(cell), pictures(cell)
    lasso(lab.page, left, _NEARLY_ALL)
    until(lambda: numbers(cell) != said, "nothing was selected")
    until(lambda: pictures(cell) != shown, "the pictures of the selection did not come")
    until(lambda: picture_of(lab, right) != before, "the other map did not change")
    finish(lab, NAMES[3])


def test_a_class_is_dragged_in_the_ranking(lab: Lab) -> None:
    """Airplane's rank 3, the car, to its rank 2: the bird there changes places with it, and the ladder is new."""
    from clab_lite.lessons.ranked import ranking_board

    opened(lab, NAMES[4])
    cell = lab.cell(only(lab, "ranked.ranking_board("))
    image = cell.locator("img.widget-image").first
    image.evaluate("picture => picture.scrollIntoView({block: 'center'})")
    lab.page.wait_for_timeout(500)
    place, twin = image.bounding_box(), ranking_board().figure
    assert place is not None and twin is not None
    places = []
    for x in (2.7, 1.5):  # the columns of ranks 3 and 2, in the first row
        across, up = twin.transFigure.inverted().transform(twin.axes[0].transData.transform((x, 0)))
        places.append((place["x"] + across * place["width"], place["y"] + (1 - up) * place["height"]))
    said, shown = numbers(cell), pictures(cell)
    lab.page.mouse.move(*places[0])
    lab.page.mouse.down()
    for part in (0.3, 0.7, 1.0):
        lab.page.mouse.move(*(a + part * (b - a) for a, b in zip(*places, strict=True)))
        lab.page.wait_for_timeout(150)
    lab.page.mouse.up()
    until(lambda: pictures(cell) != shown, "the board did not change")
    until(lambda: numbers(cell) != said, "the ladder did not change")
    finish(lab, NAMES[4])


def picture_of(lab: Lab, place: dict[str, float]) -> bytes:
    return lab.page.screenshot(clip=place)
