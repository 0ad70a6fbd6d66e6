"""Three vectors on a circle: the picture of NT-Xent's two terms."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc
from numpy.typing import NDArray
from pytorch_metric_learning.losses import NTXentLoss

from clab_lite.lessons.contrast.circle import bare_circle
from clab_lite.lessons.contrast.terms import Pairs, on_circle, pairs_of
from clab_lite.show.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, quiet

NAMES = ("A", "A′", "B")
LABELS = torch.tensor([0, 0, 1])
"""A and A′ are two frames of one clip, B is a frame of another."""
_COLOURS = (BLUE, BLUE, VERMILLION)
_LONGEST = 0.6
"""Length of the longest arrow; the circle has radius 1."""
_SHORTEST = 0.17
"""Length of the shortest arrow that is drawn: its head, and a little more."""


def draw_angles(a: float, a2: float, b: float, temperature: float) -> tuple[Figure, str]:
    """The circle with its pulls, beside each anchor's shares.

    Args:
        a, a2, b: angles of A, A′ and B in degrees.
        temperature: τ, above 0.

    Returns:
        The figure, and its numbers on one line.
    """
    degrees = np.array([a, a2, b], dtype=np.float64)
    vectors = on_circle(degrees.tolist())
    pairs = pairs_of(vectors, LABELS, temperature)
    loss = float(NTXentLoss(temperature)(vectors, LABELS))
    figure, (circle, bars) = new_figure(9.2, 4.1, columns=2, width_ratios=(1, 1.25))
    _draw_circle(circle, degrees, vectors, _pull(degrees, temperature))
    _draw_shares(bars, pairs, loss)
    cosines = (vectors @ vectors.T).tolist()
    numbers = (
        f"cos(A, A′) = {cosines[0][1]:.3f} · cos(A, B) = {cosines[0][2]:.3f} · cos(A′, B) = {cosines[1][2]:.3f} · "
        f"loss A→A′ {float(pairs.losses[0]):.4f} · A′→A {float(pairs.losses[1]):.4f} · "
        f"NTXentLoss {loss:.4f} (chance {np.log(2):.4f})"
    )
    return figure, numbers


def _pull(degrees: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Minus the gradient of the loss by each angle: (3,), positive is counter-clockwise."""
    angles = torch.deg2rad(torch.from_numpy(degrees)).requires_grad_()
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1)
    (gradient,) = torch.autograd.grad(pairs_of(vectors, LABELS, temperature).mean, angles)
    return -gradient.numpy()


def _draw_circle(axes: Axes, degrees: NDArray[np.float64], vectors: torch.Tensor, pull: NDArray[np.float64]) -> None:
    bare_circle(axes)
    points = vectors.numpy()
    for first, second in ((0, 1), (0, 2), (1, 2)):
        colour, dashes = (BLUE, "-") if second == 1 else (VERMILLION, (0, (4, 3)))
        axes.plot(*points[[first, second]].T, color=colour, linestyle=dashes, linewidth=1.2, zorder=1)
    longest = max(float(np.abs(pull).max()), 1e-9)
    # Arrows keep their proportions; below a pull of 1 they also shrink, so that "nothing moves" looks like it.
    scale = _LONGEST * min(1.0, longest) / longest
    for number, (x, y) in enumerate(points):
        axes.plot([0, x], [0, y], color=GREY, linewidth=0.8, zorder=1)
        length = abs(pull[number]) * scale
        if length > 0.02:
            # Of a shorter arrow nobody could see where it points.
            turn = np.radians(degrees[number]) + np.sign(pull[number]) * max(length, _SHORTEST)
            axes.annotate(
                "", (1.1 * np.cos(turn), 1.1 * np.sin(turn)), (1.1 * x, 1.1 * y),
                arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
        axes.plot(x, y, "o", color=_COLOURS[number], markersize=13, markeredgecolor="white", zorder=3)
        axes.text(1.3 * x, 1.3 * y, NAMES[number], color=_COLOURS[number], fontsize=13, fontweight="bold",
                  ha="center", va="center")  # fmt: skip
    low, high = sorted(degrees[:2])
    if high - low > 180:
        low, high = high, low + 360
    axes.add_patch(Arc((0, 0), 0.6, 0.6, theta1=low, theta2=high, color=BLUE, linewidth=1.5))
    middle = np.radians((low + high) / 2)
    axes.text(0.5 * np.cos(middle), 0.5 * np.sin(middle), f"{high - low:.0f}°", fontsize=9.5, color=BLUE,
              ha="center", va="center")  # fmt: skip
    heading(axes, _circle_finding(degrees, pull))


def _circle_finding(degrees: NDArray[np.float64], pull: NDArray[np.float64]) -> str:
    """What the arrows do to the two frames of the clip."""
    if np.abs(pull).max() < 0.01:
        return "Nothing pulls any more"
    between = (degrees[1] - degrees[0] + 180) % 360 - 180
    closing = -np.sign(between) * (pull[1] - pull[0])
    if abs(closing) < 1e-6:
        return "The loss does not turn A and A′ to each other"
    return "The loss turns A and A′ " + ("to each other" if closing > 0 else "apart")


def _short(share: float) -> str:
    return f"{share:.3f}" if share >= 0.001 else f"{share:.0e}"


def _draw_shares(axes: Axes, pairs: Pairs, loss: float) -> None:
    shares = pairs.shares.tolist()
    losses = pairs.losses.tolist()
    for row, (share, value) in enumerate(zip(shares, losses, strict=True)):
        axes.barh(row, share, color=BLUE, height=0.5)
        axes.barh(row, 1 - share, left=share, color=VERMILLION, height=0.5)
        part = value / sum(losses) if sum(losses) > 0 else 0.5
        axes.text(0, row - 0.3, f"−ln({_short(share)}) = {value:.3f}      {part:.0%} of the whole loss",
                  fontsize=10.5, color=INK, va="bottom")  # fmt: skip
        for text, left, width in ((NAMES[1 - row], 0.0, share), (NAMES[2], share, 1 - share)):
            if width > 0.06:
                axes.text(left + width / 2, row, f"{text}  {width:.0%}" if width > 0.15 else text, color="white",
                          fontsize=11, fontweight="bold", ha="center", va="center")  # fmt: skip
    quiet(axes, grid=False)
    axes.vlines([0.5, 0.5], [-0.25, 0.75], [0.25, 1.25], color=INK, linewidth=1.2, linestyle=":")
    axes.set(xlim=(0, 1), ylim=(1.4, -0.6), yticks=[0, 1], yticklabels=["anchor A", "anchor A′"])
    axes.tick_params(axis="y", labelsize=11, length=0)
    axes.set_xlabel("share of the denominator (dotted: chance, one of two)", fontsize=10, color=GREY)
    verdict = "better than chance" if loss < np.log(2) - 5e-4 else "worse than chance" if (
        loss > np.log(2) + 5e-4) else "chance"  # fmt: skip
    heading(axes, f"Mean loss {loss:.3f}: {verdict} (ln 2 = {np.log(2):.3f})")
