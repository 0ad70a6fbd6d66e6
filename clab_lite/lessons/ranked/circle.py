"""One anchor and what it meets, on a circle: whom each rank's term pulls and whom it pushes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite import lessons
from clab_lite.lessons.contrast.circle import bare_circle
from clab_lite.lessons.contrast.drag import Drag
from clab_lite.lessons.explorer import Explorer
from clab_lite.methods.ranked.loss import Variant, rank_temperature, rank_terms
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

LOWEST, HIGHEST = 0.1, 0.6
KEY_ANGLE = 5
"""Degrees: the anchor's own key, the other view of its crop, is always near."""
COLOURS = (BLUE, GREEN, ORANGE, VERMILLION)
"""Of rank 1, rank 2, rank 3 and the rest."""
RANK_NAMES = ("rank 1", "rank 2", "rank 3", "rest")


@dataclass(frozen=True)
class Member:
    """What the anchor meets."""

    key: str
    label: str
    rank: int
    """0 own class, 1 and 2 similar classes, 3 the rest."""
    start: int
    """Degrees."""


MEMBERS = (
    Member("near", "own class, near", 0, 30),
    Member("far", "own class, far", 0, 110),
    Member("second", "rank 2", 1, 75),
    Member("third", "rank 3", 2, 140),
    Member("rest", "the rest", 3, 300),
)


@dataclass(frozen=True)
class Pulls:
    """M = 6 vectors that an anchor at 0 degrees meets, its own key first; r terms."""

    cosines: NDArray[np.float64]
    """(M,)"""
    terms: NDArray[np.float64]
    """(r,) value of each rank's term, 0 where nothing has that rank."""
    pulls: NDArray[np.float64]
    """(r, M) minus the derivative of each term by each cosine: above 0 pulled towards the anchor, below pushed away."""


def pulls_of(degrees: NDArray[np.float64], ranks: int, variant: Variant) -> Pulls:
    """What the loss of `ranks` ranks does to vectors at these angles (M - 1,), in the order of `MEMBERS`.

    A rank beyond the last counts as the rest, as in training.
    """
    angles = np.radians(np.concatenate([[KEY_ANGLE], degrees]))
    cosines = torch.from_numpy(np.cos(angles))[None].requires_grad_()
    rank = torch.tensor([[0, *(min(member.rank, ranks) for member in MEMBERS)]])
    temperatures = torch.tensor(
        [[rank_temperature(1 - number / ranks, LOWEST, HIGHEST) for number in range(ranks)]], dtype=torch.float64
    )
    values, pulls = [], []
    for term in rank_terms(cosines, rank, temperatures, variant):
        value = term.mean() if len(term) else cosines.sum() * 0
        (gradient,) = torch.autograd.grad(value, cosines, retain_graph=True)
        values.append(float(value.detach()))
        pulls.append(-gradient[0].numpy())
    return Pulls(cosines.detach()[0].numpy(), np.array(values), np.array(pulls))


def draw_circle(ranks: int, variant: Variant, **degrees: float) -> tuple[Figure, str]:
    """The circle, and beside it the pull on every vector, term by term; degrees: of each of `MEMBERS`, by key."""
    angles = np.array([degrees[member.key] for member in MEMBERS], np.float64)
    found = pulls_of(angles, ranks, variant)
    figure, (circle, bars) = new_figure(9.5, 4.3, columns=2, width_ratios=(1, 1.35))
    _draw_members(circle, angles)
    heading(bars, finding(found))
    _draw_pulls(bars, found, ranks)
    terms = " · ".join(f"{name} {value:.3f}" for name, value in zip(RANK_NAMES, found.terms, strict=False))
    return figure, f"{terms} · loss (their mean) {found.terms.mean():.3f}"


def finding(found: Pulls) -> str:
    """The title: who is pulled hardest, of those with a choice."""
    whole = found.pulls.sum(axis=0)[1:]
    if np.abs(whole).max() < 0.01:
        return "Nothing is pulled any more"
    strongest = MEMBERS[int(np.argmax(whole))]
    if whole.max() < 0.01:
        return "Nobody is pulled; others are pushed away"
    return f"Pulled hardest: {strongest.label}"


def _draw_members(axes: Axes, degrees: NDArray[np.float64]) -> None:
    bare_circle(axes, reach=1.5)
    for angle, label, colour, size in (
        (KEY_ANGLE, "own key", BLUE, 8),
        *((a, m.label, COLOURS[m.rank], 12) for a, m in zip(degrees, MEMBERS, strict=True)),
    ):
        x, y = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        axes.plot([0, x], [0, y], color=colour, linewidth=0.9, alpha=0.6, zorder=1)
        axes.plot(x, y, "o", color=colour, markersize=size, markeredgecolor="white", zorder=3)
        if label != "own key":
            axes.text(1.13 * x, 1.13 * y, label.replace(", ", ",\n"), color=colour, fontsize=9, fontweight="bold",
                      ha="left" if x > 0.25 else "right" if x < -0.25 else "center",
                      va="bottom" if y > 0.25 else "top" if y < -0.25 else "center")  # fmt: skip
    axes.annotate("", (0.97, 0), (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 2})
    axes.text(1.1, -0.04, "anchor", color=INK, fontsize=10, fontweight="bold", va="top")


def _draw_pulls(axes: Axes, found: Pulls, ranks: int) -> None:
    names = ["own key", *(member.label for member in MEMBERS)]
    places = np.arange(len(names))
    height = 0.8 / ranks
    for number in range(ranks):
        offset = (number - (ranks - 1) / 2) * height
        axes.barh(places + offset, found.pulls[number], height * 0.9, color=COLOURS[number],
                  label=f"term of {RANK_NAMES[number]}: {found.terms[number]:.3f}")  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=1)
    for place in places[1:]:
        axes.axhline(place - 0.5, color=PALE, linewidth=0.6, zorder=0)
    quiet(axes, grid=False)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    reach = max(1.0, 1.1 * float(np.abs(found.pulls).max()))
    axes.set_xlim(-reach, reach)
    for label, member in zip(axes.get_yticklabels(), (None, *MEMBERS), strict=True):
        label.set_color(COLOURS[member.rank] if member else BLUE)
        label.set_fontsize(10)
    axes.set_xlabel("← pushed away       per unit of cosine       pulled to the anchor →", color=GREY, fontsize=9)
    axes.legend(fontsize=9, frameon=False, loc="upper left")


class CircleExplorer(Explorer):
    """Angles, ranks and variant; the vectors can also be dragged on the circle."""

    def __init__(self, ranks: int, variant: Variant) -> None:
        controls: dict[str, Any] = {
            "ranks": lessons.choice("ranks r", [1, 2, 3], ranks),
            "variant": lessons.choice("variant", list(get_args(Variant)), variant),
        }
        for member in MEMBERS:
            controls[member.key] = lessons.slider(f"{member.label}, degrees", 0, 359, member.start, 1)
        super().__init__(draw_circle, controls)
        self._hand = MEMBERS[0].key
        self.drag = Drag(self.picture, lambda: self.figure, 0, self.grab, self.move, say=self.tell)

    def grab(self, x: float, y: float) -> None:
        """Take hold of the vector whose angle is nearest to that of (x, y)."""
        angle = math.degrees(math.atan2(y, x))
        self._hand = min(
            (member.key for member in MEMBERS), key=lambda key: abs((self.values[key] - angle + 180) % 360 - 180)
        )

    def move(self, x: float, y: float) -> None:
        """Turn the held vector to the direction of (x, y)."""
        self.controls[self._hand].value = round(math.degrees(math.atan2(y, x))) % 360


def circle_explorer(ranks: int = 3, variant: Variant = "in") -> CircleExplorer:
    """An anchor and six vectors: drag them, or move the sliders."""
    return CircleExplorer(ranks, variant)
