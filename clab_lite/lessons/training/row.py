"""Picture of one row of a log: its fields, and what its total is made of."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from clab_lite.lessons.training.figures import Row, detection
from clab_lite.show.style import BLUE, GREY, INK, PALE, VERMILLION, heading, new_figure, quiet

_PARTS = {
    "box_class": "class of the box",
    "box_regression": "corners of the box",
    "rpn_objectness": "object or not",
    "rpn_box": "corners of proposals",
}


def draw_row(rows: Sequence[Row], number: int) -> tuple[Figure, str]:
    """One row of a log: its fields on the left, what the total is made of on the right."""
    row = rows[number]
    figure, (left, right) = new_figure(9.5, 3.6, 1, 2, width_ratios=[1.35, 1])
    weighted = row["contrast_weight"] * row["losses"]["contrast"]
    chance = row["contrast_chance"]
    lines = [
        ("iteration", f"{row['iteration']}", "steps done"),
        ("progress", f"{row['progress']:.3f}", "of the whole run, 0 to 1"),
        ("learning_rate", f"{row['learning_rate']:.3g}", "of the last step"),
        ("contrast_weight", f"{row['contrast_weight']:.2g}", "of the last step"),
        ("losses.contrast", f"{row['losses']['contrast']:.3f}", "mean since the row before, not weighted"),
        ("contrast_chance", "none" if chance is None else f"{chance:.3f}", "contrast of embeddings that tell nothing"),
        ("losses.total", f"{row['losses']['total']:.3f}", "what the gradient is taken of"),
        ("gradient_norm", f"{row['gradient_norm']:.2f}", "mean, before clipping"),
        ("seconds", f"{row['seconds']:.1f}", "of training so far"),
    ]
    for k, (name, value, meaning) in enumerate(lines):
        y = 0.93 - k * 0.108
        left.text(0.0, y, name, fontsize=10, color=INK, family="monospace", transform=left.transAxes)
        left.text(0.47, y, value, fontsize=10, color=BLUE, ha="right", transform=left.transAxes)
        left.text(0.50, y, meaning, fontsize=9, color=GREY, transform=left.transAxes)
    left.set_axis_off()
    heading(left, f"Row {number + 1} of {len(rows)}")
    parts = [(label, row["losses"][name], BLUE) for name, label in _PARTS.items()]
    parts.append(("weighted contrast", weighted, VERMILLION))
    right.barh(range(len(parts)), [value for _, value, _ in parts], color=[colour for _, _, colour in parts])
    for k, (_, value, _) in enumerate(parts):
        right.text(value, k, f" {value:.3f}", va="center", fontsize=9, color=INK)
    right.set_yticks(range(len(parts)), [name for name, _, _ in parts], fontsize=9)
    right.invert_yaxis()
    right.set_xlim(0, max(1e-3, *(value for _, value, _ in parts)) * 1.25)
    quiet(right, grid=False)
    right.spines["bottom"].set_color(PALE)
    whole = row["losses"]["total"]
    share = weighted / whole if whole else 0.0
    heading(right, f"The contrast is {share:.1%} of the total")
    total = detection(row) + weighted
    return figure, f"four losses + weight × contrast = {total:.3f}; losses.total says {whole:.3f}"
