"""Hundreds of moves of a lesson's widgets, and a cell that is run again and again."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from trials.health.meter import Meter
from trials.health.page import Page, lesson

_THERE_AND_BACK = 8
"""Moves in one direction before the next ones go back."""


def moved(meter: Meter, name: str, code: str, sliders: int) -> None:
    """Move the sliders of a cell in turn by their arrow keys; each move waits for its picture."""
    with lesson(name) as page:
        cell, kernel = page.cell(code), _kernel(page)
        seen = 0
        for done in range(1, meter.length + 1):
            turn, back = (done - 1) // (2 * _THERE_AND_BACK), (done - 1) // _THERE_AND_BACK % 2
            seen += page.press(cell, "ArrowLeft" if back else "ArrowRight", turn % sliders)
            if meter.due(done):
                meter.look(done, kernel, page.counts())
        if seen < 0.8 * meter.length:  # at the end of a slider a key moves nothing
            raise RuntimeError(f"only {seen} of {meter.length} moves changed the picture")


def dragged(meter: Meter, name: str, code: str) -> None:
    """Hold the middle of a cell's picture with the mouse and move it to and fro."""
    with lesson(name) as page:
        cell, kernel, mouse = page.cell(code), _kernel(page), page.lab.page.mouse
        picture = page.lab.cell(cell).locator("img.widget-image").first
        picture.evaluate("picture => picture.scrollIntoView({block: 'center'})")
        page.lab.page.wait_for_timeout(500)
        box, seen = picture.bounding_box(), set(page.pictures(cell))
        across, down = box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"]
        mouse.move(across, down)
        mouse.down()
        for done in range(1, meter.length + 1):
            mouse.move(across + 3 * (done % 20), down + 2 * (done % 16))
            time.sleep(0.08)
            seen.update(page.pictures(cell))
            if meter.due(done):
                meter.look(done, kernel, page.counts())
        mouse.up()
        if len(seen) < 0.2 * meter.length:  # several movements come together in one picture
            raise RuntimeError(f"{meter.length} movements gave only {len(seen)} pictures")


def run_again(meter: Meter, name: str, code: str) -> None:
    """Run a cell with a widget again and again."""
    with lesson(name) as page:
        cell, kernel = page.cell(code), _kernel(page)
        for done in range(1, meter.length + 1):
            page.rerun(cell)
            if meter.due(done):
                meter.look(done, kernel, page.counts())


def _kernel(page: Page) -> psutil.Process:
    return psutil.Process(int(page.counts()["process"]))


def weights_moved(meter: Meter, _: Path) -> None:
    moved(meter, "06_loss_weights", "weights.weight_explorer(", 1)


def temperature_moved(meter: Meter, _: Path) -> None:
    moved(meter, "04_contrast", "contrast.temperature_explorer(", 3)


def angle_dragged(meter: Meter, _: Path) -> None:
    dragged(meter, "04_contrast", "angle_explorer(")


def boxes_moved(meter: Meter, _: Path) -> None:
    moved(meter, "09_evaluate_on_vid_subsets", "evaluation.explore_boxes(", 2)


def weights_again(meter: Meter, _: Path) -> None:
    run_again(meter, "06_loss_weights", "weights.weight_explorer(")
