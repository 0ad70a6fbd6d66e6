"""The picture of how time and memory of a key frame grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from clab_lite.show.style import BLUE, GREY, ORANGE, new_figure, quiet, to_png

_TITLES = {
    "references": "reference frames", "proposals": "proposals per frame", "size": "frame, thousand pixels",
    "length": "frames of the video (small ones)",
}  # fmt: skip


def draw_growth(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Save the figure: `found` is what `growth.measure` returned, as JSON has it."""
    figure, axes = new_figure(11, 5, rows=2, columns=4, sharex="col")
    for column, (name, title) in enumerate(_TITLES.items()):
        points = found[name]
        at = [place["at"] if name != "size" else place["at"][0] * place["at"][1] / 1000 for place in points]
        above, below = axes[column], axes[column + 4]
        above.plot(at, [place["cpu_s"] for place in points], "o-", color=BLUE, label="measured")
        if "expected_cpu_s" in points[0]:
            expected = [place["expected_cpu_s"] for place in points]
            above.plot(at, expected, "--", color=GREY, label="expected of the parts\nof one case")
        else:
            above.axhline(points[0]["cpu_s"], ls="--", color=GREY, label="expected: the same")
            above.plot(at, [place["once_cpu_s"] for place in points], "s", color=ORANGE, label="once a video")
        below.plot(at, [place["memory_mb"] / 1000 for place in points], "o-", color=BLUE)
        below.set_xlabel(title)
        _tidy(above)
        _tidy(below)
        above.set_ylim(0, 1.25 * above.get_ylim()[1])  # room for the legend
        above.legend(fontsize=8, frameon=False, loc="upper left")
    axes[0].set_ylabel("CPU-seconds per frame")
    axes[4].set_ylabel("memory at most, GB")
    path.write_bytes(to_png(figure, 90))


def _tidy(axes: Axes) -> None:
    quiet(axes)
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.set_xlim(0, None)
