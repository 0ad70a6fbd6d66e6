"""Loss curves: what the titles claim follows from the rows, and the weight shares the losses' time axis."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from clab_lite.errors import DataError
from clab_lite.show.curves import finding_contrast, finding_detection, loss_curves, weight_zero
from clab_lite.show.style import spread, to_png


def _row(iteration: int, detection: float, contrast: float, weight: float) -> dict[str, Any]:
    names = ("rpn_objectness", "rpn_box", "box_class", "box_regression")
    losses = dict.fromkeys(names, detection / 4) | {"contrast": contrast, "total": detection}
    return {
        "iteration": iteration,
        "losses": losses,
        "contrast_weight": weight,
        "contrast_chance": math.log(10) if contrast else None,
    }


ROWS = [_row(10, 3.0, 2.3, 0.05), _row(20, 2.0, 1.0, 0.02), _row(30, 1.0, 1.4, 0.0), _row(40, 1.2, 1.5, 0.0)]


def test_titles_state_what_the_rows_say() -> None:
    assert finding_detection(ROWS).endswith("fell from 3.00 to 1.20")
    assert finding_detection(ROWS[2:]).endswith("rose from 1.00 to 1.20")
    assert "stayed near 1.20" in finding_detection([ROWS[-1], ROWS[-1]])
    assert "too few" in finding_detection(ROWS[:1])
    assert "from 2.30 to 1.00 at best, 1.50 at the end (chance 2.30)" in finding_contrast(ROWS)
    assert "stayed at chance" in finding_contrast([ROWS[0], _row(20, 1, 2.29, 0.01)])
    assert "weight was zero" in finding_contrast(ROWS[2:])


def test_where_the_weight_reaches_zero() -> None:
    assert weight_zero(ROWS) == 20
    assert weight_zero(ROWS[:2]) is None
    assert weight_zero(ROWS[2:]) is None  # it never was above zero
    assert weight_zero([]) is None


def test_panels_share_the_time_axis() -> None:
    figure = loss_curves(ROWS)
    top, middle, bottom = figure.axes
    assert top.get_xlim() == middle.get_xlim() == bottom.get_xlim() == (0, 40)
    assert bottom.lines[0].get_ydata().tolist() == [0.05, 0.02, 0.0, 0.0]
    chance = [line for line in middle.lines if len(line.get_ydata()) == 4 and line.get_ydata()[0] == math.log(10)]
    assert len(chance) == 1
    assert len(top.lines) == 5  # four losses and the mark where the weight reaches zero


@pytest.mark.parametrize("rows", [[], ROWS[:1], [_row(10, 1.0, 0.0, 0.0)] * 2])
def test_short_logs_still_draw(rows: list[dict[str, Any]]) -> None:
    assert to_png(loss_curves(rows), dpi=40).startswith(b"\x89PNG")


def test_the_log_of_something_else_is_told() -> None:
    other = {"iteration": 2, "losses": {"contrast": 1.0}}
    with pytest.raises(DataError, match=r"Row 2 of the log has no box_class.*`clab-lite train` wrote"):
        loss_curves([ROWS[0], other])
    with pytest.raises(DataError, match="Row 1 of the log has no contrast_weight"):
        loss_curves([{"iteration": 2, "losses": ROWS[0]["losses"]}])


def test_labels_are_spread_in_order() -> None:
    moved = spread([0.5, 0.1, 0.12, 0.11], 0.2)
    assert sorted(range(4), key=lambda i: moved[i]) == [1, 3, 2, 0]
    ordered = sorted(moved)
    assert all(b - a >= 0.2 - 1e-6 for a, b in itertools.pairwise(ordered))
    assert spread([0.0, 1.0], 0.2) == [0.0, 1.0]
