"""The microscope: one cell of the similarity matrix, its two frames, and its share of the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clab_lite.lessons.branch.batch import Batch
from clab_lite.lessons.branch.ledger import Ledger
from clab_lite.lessons.branch.steps import Steps
from clab_lite.lessons.controls import choice, slider
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.mouse import pointer
from clab_lite.show.style import GREEN, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

COLOURS = {"itself": GREY, "positive": GREEN, "negative": VERMILLION}
"""Of a cell, by its role."""
MATRIX, ROW_FRAME, COLUMN_FRAME, ANCHOR = range(4)
"""The axes of the microscope's figure, in order."""
Draw = Callable[..., tuple[Figure, str]]


def microscope(batch: Batch, steps: Steps) -> Draw:
    """A drawing function of (row, column, step, temperature): the matrix, the two frames, the row's shares.

    row, column: names such as "A0". step: gradient steps of the branch that were made. temperature: None is the one
    that was trained with.
    """
    names, classes = batch.names, batch.classes
    pictures = [batch.picture(row) for row in range(len(batch))]

    def draw(
        row: str = names[0], column: str = names[-1], step: int = 0, temperature: float | None = None
    ) -> tuple[Figure, str]:
        tau = steps.temperature if temperature is None else temperature
        ledger = Ledger.of(steps.embeddings[step], steps.labels, tau)
        i, j = names.index(row), names.index(column)
        figure, axes = _layout()
        _cells(axes[MATRIX], ledger, (i, j), names, batch)
        for panel, position in ((axes[ROW_FRAME], i), (axes[COLUMN_FRAME], j)):
            panel.imshow(pictures[position])
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_color(COLOURS[ledger.role(i, j)])
            panel.spines[:].set_linewidth(3)
            panel.set_title(f"{names[position]}: {classes[position]}", fontsize=10, color=INK, loc="left")
        _anchor(axes[ANCHOR], ledger, i, j, names)
        twins = ledger.role(i, j) == "negative" and classes[i] == classes[j]
        note = f". A false negative: both show the class {classes[i]}" if twins else ""
        return figure, ledger.sentence(i, j, names) + note

    return draw


def view(batch: Batch, steps: Steps) -> Explorer:
    """The microscope with two lists for the cell and a slider for the gradient steps; the mouse chooses a cell too."""
    names, last = batch.names, len(steps.embeddings) - 1
    alike = [j for j, shown in enumerate(batch.classes) if shown == batch.classes[0] and steps.labels[j] > 0]
    explorer = explore(
        microscope(batch, steps),
        row=choice("row (anchor)", names, names[0]),
        column=choice("column", names, names[alike[0] if alike else -1]),
        step=slider("gradient steps", 0, last, last, 1),
    )

    def point(axes_number: int, x: float, y: float) -> None:
        cell = cell_at(names, axes_number, x, y)
        if cell is not None:
            explorer.controls["row"].value, explorer.controls["column"].value = cell

    pointer(explorer.picture, lambda: explorer.figure, point, moves=True, say=explorer.tell)
    return explorer


def cell_at(names: list[str], axes_number: int, x: float, y: float) -> tuple[str, str] | None:
    """The names (row, column) of the cell under a point of the microscope's matrix; None outside it."""
    column, row = round(x), round(y)
    if axes_number != MATRIX or not (0 <= row < len(names) and 0 <= column < len(names)):
        return None
    return names[row], names[column]


def _layout() -> tuple[Figure, list[Axes]]:
    """Matrix on the left; on the right two frames above a bar chart. Fixed places: it must draw while a mouse moves."""
    figure, _ = new_figure(9.5, 4.8)
    figure.clear()
    figure.set_layout_engine("none")
    places = [
        (0.045, 0.14, 0.405, 0.80),
        (0.535, 0.63, 0.22, 0.29),
        (0.77, 0.63, 0.22, 0.29),
        (0.535, 0.12, 0.455, 0.4),
    ]
    return figure, [figure.add_axes(place) for place in places]


def _cells(axes: Axes, ledger: Ledger, cell: tuple[int, int], names: list[str], batch: Batch) -> None:
    """The matrix with the chosen cell in amber, and a dot in every negative cell of one class."""
    (row, column), length, classes = cell, batch.clips.shape[1], np.asarray(batch.classes)
    axes.imshow(ledger.similarity, cmap="RdBu_r", vmin=-1, vmax=1)
    for start in range(0, len(names), length):
        axes.add_patch(Rectangle((start - 0.5, start - 0.5), length, length, fill=False, edgecolor=INK))
    rows, columns = np.nonzero(ledger.negative & (classes[:, None] == classes))
    axes.plot(columns, rows, "o", color=INK, markeredgecolor="white", markersize=5)
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=3.5))
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, labelsize=9, colors=GREY)
    axes.spines[:].set_color(PALE)
    heading(axes, f"{ledger.role(row, column).capitalize()}: cosine {ledger.similarity[row, column]:+.2f}")
    axes.set_xlabel(
        "red: cosine +1, white: 0, blue: −1. Framed: one clip.\nDot: negatives although they show the same class.",
        fontsize=9,
        color=GREY,
    )


def _anchor(axes: Axes, ledger: Ledger, row: int, column: int, names: list[str]) -> None:
    """Shares of the loss in the anchor's row: what its positives pay, what its negatives cause."""
    shares = 100 * ledger.shares[row]
    colours = [COLOURS[ledger.role(row, other)] for other in range(len(names))]
    bars = axes.bar(range(len(names)), shares, color=colours, width=0.72)
    bars[column].set_edgecolor(ORANGE)
    bars[column].set_linewidth(3)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("% of the loss", fontsize=9, color=GREY)
    axes.set_ylim(0, max(float(np.max(shares)) * 1.15, 1e-3))
    quiet(axes)
    worst = int(np.where(ledger.negative[row], ledger.shares[row], -1).argmax())
    if ledger.negative[row].any() and shares[worst] > 0:
        heading(axes, f"Anchor {names[row]}: {names[worst]} disturbs it most")
    else:
        heading(axes, f"Anchor {names[row]}: no negatives, no loss")
    axes.set_xlabel("green: positives pay     orange-red: negatives cause", fontsize=9, color=GREY)


def temperature_view(steps: Steps, step: int, classes: Sequence[str] = ()) -> Draw:
    """A drawing function of (temperature): how the blame of a trained batch spreads over the negatives.

    classes: per row what it shows; negatives of one class are then marked as false.
    """
    similarity = steps.ledger(step).similarity
    shown = np.asarray(classes)
    alike = shown[:, None] == shown if len(shown) else np.zeros(similarity.shape, bool)

    def draw(temperature: float = steps.temperature) -> tuple[Figure, str]:
        ledger = Ledger(similarity, np.asarray(steps.labels), temperature)
        caused, false = ledger.caused[ledger.negative], alike[ledger.negative]
        order = np.argsort(-caused, kind="stable")
        tenth = max(len(caused) // 10, 1)
        figure, (left, right) = new_figure(9.5, 3.6, 1, 2)
        colours = [ORANGE if false[pair] else VERMILLION for pair in order]
        left.bar(range(len(caused)), 100 * caused[order], color=colours, width=1.0)
        note = " (amber: both show the same class)" if len(shown) else ""
        left.set_xlabel(f"negative pairs, the worst first{note}", fontsize=9, color=GREY)
        left.set_ylabel("% of the loss caused", fontsize=9, color=GREY)
        heading(left, f"The worst tenth of the negatives causes {caused[order[:tenth]].sum():.0%}")
        right.hist([similarity[ledger.positive], similarity[ledger.negative]], bins=np.linspace(-1, 1, 25).tolist(),
                   color=[GREEN, VERMILLION], stacked=True, label=["positive pairs", "negative pairs"])  # fmt: skip
        right.legend(frameon=False, fontsize=9, loc="upper left")
        right.set_xlabel("cosine", fontsize=9, color=GREY)
        heading(right, "The same cosines at every temperature")
        for panel in (left, right):
            quiet(panel)
        line = f"temperature {temperature:.3g}: loss {ledger.loss:.2f}, chance {ledger.chance:.2f}"
        if false.any():
            line += (
                f". Pairs that show the same class cause {caused[false].sum():.0%} of the loss; if all negatives were "
                f"blamed alike, {false.mean():.0%}"
            )
        return figure, line

    return draw
