"""Drives a map of jupyter-scatter in a browser as a hand would: a lasso, and pointing at a place."""

from __future__ import annotations

from typing import Any

Corner = tuple[float, float]
"""Across and down, as fractions of a map's width and height."""


def maps_of(page: Any) -> list[dict[str, float]]:
    """Where the maps are on the page, left to right, top to bottom: x, y, width, height in pixels of the window.

    page: a `playwright.sync_api.Page` with a notebook whose maps are drawn.
    """
    canvases = page.locator(".jp-OutputArea canvas")
    boxes = [canvases.nth(i).bounding_box() for i in range(canvases.count())]
    # A map is two canvases of one size, one over the other; a legend's colour bars are canvases too.
    large = {(box["x"], box["y"], box["width"], box["height"]) for box in boxes if box and box["height"] > 100}
    return [
        dict(zip(("x", "y", "width", "height"), box, strict=True)) for box in sorted(large, key=lambda b: (b[1], b[0]))
    ]


def lasso(page: Any, box: dict[str, float], corners: list[Corner] | None = None) -> None:
    """Draw a lasso on the map at `box` (of `maps_of`), along corners; None: around nearly all of the map.

    The map is in lasso mode, as those of lesson 08 are. Wait for what follows, for example a new status line.
    """
    path = corners or [(0.2, 0.06), (0.97, 0.06), (0.97, 0.97), (0.2, 0.97), (0.2, 0.08)]
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in path]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
        page.wait_for_timeout(30)
    page.mouse.up()


def point_at(page: Any, box: dict[str, float], across: float, down: float) -> None:
    """Move the mouse over a place of the map at `box`, slowly: the map looks for a point under it."""
    page.mouse.move(box["x"] + across * box["width"] + 5, box["y"] + down * box["height"] + 5)
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=4)
    page.wait_for_timeout(300)
