"""Attention by hand: one query, three reference vectors in the plane, and the softmax between them."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from clab_lite.lessons.references.pictures import SMALL, fixed_figure, place
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, PURPLE, quiet

Vectors = NDArray[np.float64]

NAMES = ("a", "b", "c")
ANGLES = (20, 75, 200)
"""Degrees of the three reference vectors; each has length 1."""
_COLOURS = (BLUE, GREEN, PURPLE)


def vector(angle: float, length: float = 1.0) -> NDArray[np.float64]:
    """(2,) a vector of the plane, its angle in degrees."""
    return length * np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])


def attend(query: Vectors, keys: Vectors, values: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    """Scores (S,), weights (S,), output (d,) of a query (d,), keys (S, d) and values (S, d). SELSA equations 3-5."""
    scores = keys @ query / math.sqrt(len(query))
    weights = np.exp(scores - scores.max())
    weights = weights / weights.sum()
    return scores, weights, weights @ values


def draw_attention(angle: float = 60, length: float = 3.0) -> tuple[Figure, str]:
    """The query at an angle (degrees) and of a length; the three vectors are both keys and values."""
    keys = np.stack([vector(degrees) for degrees in ANGLES])
    query = vector(angle, length)
    scores, weights, output = attend(query, keys, keys)
    most = int(weights.argmax())
    figure, height = fixed_figure(
        3.6, f"{NAMES[most]} points most like the query: it gets {weights[most]:.0%} of the weight"
    )
    _draw_plane(place(figure, height, 0.3, 0.55, 3.0, 3.0), keys, query, output)
    _draw_weights(place(figure, height, 4.4, 0.85, 4.8, 2.1), scores, weights)
    steps = ", ".join(f"{name}: {s:+.2f} -> {w:.2f}" for name, s, w in zip(NAMES, scores, weights, strict=True))
    total = " + ".join(f"{w:.2f} {name}" for name, w in zip(NAMES, weights, strict=True))
    return figure, f"score -> weight: {steps}. Output = {total} = ({output[0]:.2f}, {output[1]:.2f})."


def _draw_plane(axes: Axes, keys: Vectors, query: Vectors, output: Vectors) -> None:
    axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    axes.set_axis_off()
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=PALE, linewidth=1.2))
    for name, key, colour in zip(NAMES, keys, _COLOURS, strict=True):
        _arrow(axes, key, colour, name, 2.2)
    direction = query / (np.linalg.norm(query) + 1e-12)
    _arrow(axes, 1.25 * direction, ORANGE, "query", 1.6)
    _arrow(axes, output, INK, "", 3.0)
    axes.text(0, -1.32, "black: the output", color=INK, fontsize=10, ha="center")


def _arrow(axes: Axes, tip: NDArray[np.float64], colour: str, name: str, width: float) -> None:
    axes.annotate(
        "",
        (tip[0], tip[1]),
        (0, 0),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0},
    )
    x, y = tip * (1 + 0.14 / (np.linalg.norm(tip) + 1e-12))
    axes.text(x, y, name, color=colour, fontsize=11, ha="center", va="center", fontweight="bold")


def _draw_weights(axes: Axes, scores: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
    axes.bar(NAMES, weights, 0.55, color=_COLOURS)
    for i, (score, weight) in enumerate(zip(scores, weights, strict=True)):
        axes.text(
            i, weight + 0.02, f"{weight:.0%}\nscore {score:+.2f}", ha="center", va="bottom", fontsize=10, color=INK
        )
    axes.set_ylim(0, 1.3)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    quiet(axes)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_title("weight = softmax of the scores", loc="left", fontsize=SMALL, color=GREY, pad=4)
    axes.tick_params(axis="x", labelsize=12)
