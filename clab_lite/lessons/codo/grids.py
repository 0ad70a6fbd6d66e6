"""Every composite of the probe against every other: what a network takes for alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite.lessons.codo.views import pixels_of, words
from clab_lite.methods.codo.measure import Probe, ProbeSet, compare
from clab_lite.show.frames import draw_pixels
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, quiet

SHOWN = 6
"""Instances and backgrounds of a grid that is drawn: more could not be read."""
COSINES = (
    ("same_instance", "same object, other background", BLUE),
    ("same_background", "other object, same background", ORANGE),
    ("neither", "other object, other background", GREY),
)


def cosines(rows: Tensor) -> NDArray[np.float64]:
    """Embeddings (I, M, L, D) -> (I*M, I*M) cosines, means over levels; instance by instance."""
    unit = normalize(rows.double(), dim=-1).flatten(0, 1)
    return (torch.einsum("ald,bld->ab", unit, unit) / unit.shape[1]).numpy()


def draw_grids(rows: Mapping[str, Tensor], names: Sequence[str]) -> tuple[Figure, str]:
    """A square of cosines for each network: blocks mean that objects are alike, stripes that backgrounds are.

    Args:
        rows: title -> embeddings (I, M, L, D) of one probe.
        names: class of each instance.
    """
    figure, axes = new_figure(9.5, 4.6, 1, len(rows))
    shares, image = [], None
    for panel, (title, embeddings) in zip(axes, rows.items(), strict=True):
        shown = embeddings[:SHOWN, :SHOWN]
        instances, backgrounds = shown.shape[:2]
        image = panel.imshow(cosines(shown), vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
        for edge in range(1, instances):
            panel.axhline(edge * backgrounds - 0.5, color="white", linewidth=1.2)
            panel.axvline(edge * backgrounds - 0.5, color="white", linewidth=1.2)
        middles = [(number + 0.5) * backgrounds - 0.5 for number in range(instances)]
        labels = [words(name) for name in names[:instances]]
        panel.set_yticks(middles, labels, fontsize=9, color=INK)
        panel.set_xticks(middles, labels, fontsize=9, color=INK, rotation=35, ha="right")
        panel.tick_params(length=0)
        probe = compare(embeddings)
        shares.append(probe.background_share)
        panel.set_title(f"{title}: gap {probe.gap:.2f}", loc="left", fontsize=10, color=GREY)
    figure.colorbar(image, ax=axes, shrink=0.8, label="cosine")  # type: ignore[arg-type]
    told = ", ".join(f"{share_words(share)} {title}" for title, share in zip(rows, shares, strict=True))
    figure.suptitle(f"Share of the background: {told}", x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    gaps = ", ".join(f"{compare(one).gap:.2f} {title}" for title, one in rows.items())
    return figure, f"Gap (same object minus same background): {gaps}."


def draw_probe(probe: ProbeSet, rows: int = 4, columns: int = 6) -> Figure:
    """Some composites of the probe: a row per object, a column per background."""
    rows, columns = min(rows, probe.pixels.shape[0]), min(columns, probe.pixels.shape[1])
    figure, axes = new_figure(9.5, 9.3 / columns * rows + 0.4, rows, columns)
    for place, panel in enumerate(axes):
        i, m = divmod(place, columns)
        draw_pixels(panel, probe.pixels[i, m].permute(1, 2, 0).numpy())
        if m == 0:
            panel.set_title(words(probe.names[i]), loc="left", fontsize=9, color=GREY, pad=3)
    total = f"{probe.pixels.shape[0]} objects on {probe.pixels.shape[1]} backgrounds"
    figure.suptitle(f"{total}: a row shares the object, a column the background", x=0.01, ha="left", fontsize=11,
                    color=INK, fontweight="bold")  # fmt: skip
    return figure


def draw_bars(probes: Mapping[str, Probe], chance: float) -> Figure:
    """The three cosines of each network, and how often the object is found again. chance: of that."""
    figure, axes = new_figure(9.5, 1.55 * len(probes) + 0.95, 1, 2, width_ratios=[1.5, 1])
    for row, (name, probe) in enumerate(probes.items()):
        for k, (field, label, colour) in enumerate(COSINES):
            _bar(axes[0], row * 3.7 + k, getattr(probe, field), colour, f"{getattr(probe, field):.2f} {label}")
        found = ((probe.retrieval, "on another background"), (probe.against_background, "against the same one"))
        for k, (value, label) in enumerate(found):
            _bar(axes[1], row * 3.7 + k + 0.5, value, GREEN, f"{value:.0%} {label}")
        axes[0].text(-0.03, row * 3.7 + 1, name, ha="right", va="center", fontsize=10, color=INK, fontweight="bold")
    for panel, label, right in zip(axes, ("cosine", "object found again"), (1.75, 1.9), strict=True):
        quiet(panel, grid=False)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_ylim(len(probes) * 3.7 - 1, -0.7)
        panel.set_xlim(0, right)
        panel.set_xticks([0, 0.5, 1])
        panel.set_xlabel(label, fontsize=9, color=GREY, loc="left")
    axes[1].axvline(chance, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axes[1].set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    gaps = " → ".join(f"{probe.gap:.2f}" for probe in probes.values())
    shares = " → ".join(share_words(probe.background_share) for probe in probes.values())
    figure.suptitle(f"Gap {gaps}, share of the background {shares}", x=0.01, ha="left", fontsize=11, color=INK,
                    fontweight="bold")  # fmt: skip
    return figure


def _bar(panel: Axes, place: float, value: float, colour: str, text: str) -> None:
    panel.barh(place, value, color=colour, height=0.8)
    panel.text(max(value, 0) + 0.02, place, text, va="center", fontsize=9, color=INK)


def draw_batch(
    images: Tensor, boxes: Tensor, scores: NDArray[np.float64], title: str, temperature: float
) -> tuple[Figure, str]:
    """What the loss of one level looks at: queries of view 1 (rows) against keys of view 2 (columns).

    Args:
        images: (2, B, 3, S, S) normalised views; the first few are drawn, cut to their boxes.
        boxes: (2, B, 4).
        scores: (B, B) cosines; the numbers are of all of them.
        title: which network and level.
        temperature: of the loss.
    """
    all_of_them, count = scores, min(SHOWN, len(scores))
    scores = scores[:count, :count]
    figure, axes = new_figure(6.2, 5.6, count + 1, count + 1, gridspec_kw={"wspace": 0.04, "hspace": 0.04})
    low, high = float(scores.min()), float(scores.max())
    for place, panel in enumerate(axes):
        row, column = divmod(place, count + 1)
        panel.set_axis_off()
        if row == 0 and column > 0:
            _thumbnail(panel, images[1, column - 1], boxes[1, column - 1])
        elif column == 0 and row > 0:
            _thumbnail(panel, images[0, row - 1], boxes[0, row - 1])
        elif row and column:
            value = float(scores[row - 1, column - 1])
            shade = (value - low) / max(high - low, 1e-9)
            panel.add_patch(_square((0.2 + 0.6 * (1 - shade), 0.55 + 0.35 * (1 - shade), 0.85 + 0.1 * (1 - shade))))
            best = value >= float(scores[row - 1].max()) - 1e-12
            panel.text(0.5, 0.5, f"{value:.2f}", ha="center", va="center", fontsize=9, color=INK,
                       fontweight="bold" if row == column else "normal")  # fmt: skip
            if row == column:
                panel.add_patch(_square(None, GREEN if best else ORANGE))
    total = len(all_of_them)
    found = int((all_of_them.argmax(axis=1) == np.arange(total)).sum())
    heading = f"{title}: {found} of {total} queries find their own instance"
    figure.suptitle(heading, x=0.02, ha="left", fontsize=11, color=INK, fontweight="bold")
    logits = all_of_them / temperature
    rows, columns = (np.log(np.exp(logits).sum(axis=axis)) - np.diag(logits) for axis in (1, 0))
    loss = float((rows + columns).mean() / 2)
    told = f"Loss {loss:.2f}; of embeddings that tell nothing: ln {total} = {math.log(total):.2f}."
    return figure, f"{told} Drawn: the first {count} of {total} instances. Green: the best of its row is its own."


def share_words(share: float) -> str:
    """A share of the background, or that there is none to speak of."""
    return "undefined" if math.isnan(share) else f"{share:.0%}"


def _square(face: tuple[float, float, float] | None, edge: str | None = None) -> Rectangle:
    """The ground of a cell, or a frame inside it."""
    if face is not None:
        return Rectangle((0, 0), 1, 1, facecolor=face, edgecolor="white", linewidth=1)
    return Rectangle((0.03, 0.03), 0.94, 0.94, fill=False, edgecolor=edge, linewidth=2.4)


def _thumbnail(panel: Axes, image: Tensor, box: Tensor) -> None:
    x1, y1, x2, y2 = (int(side) for side in box)
    panel.imshow(pixels_of(image).permute(1, 2, 0).numpy()[y1:y2, x1:x2], interpolation="bicubic")
