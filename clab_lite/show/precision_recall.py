"""Precision over recall: the mean of all classes large, each class small beside it, as drawings inside the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from clab_lite.evaluation_report import Curve

ALL = "all classes"
"""Key of the mean curve in `EvaluationReport.curves`."""

STYLE = """
.curves { margin: 20px 0; }
.curves figure { margin: 0; }
.curves .large { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 3fr); gap: 28px; align-items: center; }
.curves .each-class { display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 22px 18px;
  margin-top: 28px; }
.curves svg { display: block; width: 100%; height: auto; overflow: visible; }
.curves figcaption { font-size: 13px; line-height: 1.35; margin: 4px 0 0; color: var(--ink); }
.curves figcaption span, .curves figcaption p { color: var(--grey); }
.curves path, .curves line { vector-effect: non-scaling-stroke; fill: none; }
.curves .edge { stroke: #c9d1da; stroke-width: 1; }
.curves .guide { stroke: var(--line); stroke-width: 1; }
.curves .each { stroke: #c3ccd5; stroke-width: 0.8; }
.curves .mean { stroke: #98a3af; stroke-width: 1; }
.curves .own { stroke: var(--blue); stroke-width: 1.8; stroke-linejoin: round; }
.curves .under { fill: #e6f1f8; }
.curves text { font-size: 8px; fill: var(--grey); }
@media (max-width: 620px) {
  .curves .large text { font-size: 10px; }
  .curves .large { display: block; }
  .curves .each-class { grid-template-columns: 1fr 1fr; }
}
@media print { .curves figure { break-inside: avoid; } }
"""

_WIDTH, _HEIGHT = 120, 84
"""Of a small drawing, in its own units; the large one has `_SCALE` times as much and room for the scales."""
_SCALE = 2.5
_COLUMNS = (4, 6)
"""At least and at most, of the small drawings."""


def curve_grid(curves: Mapping[str, Curve], notes: Mapping[str, str], text: str = "") -> str:
    """The drawings in the order of `curves`, the mean (`ALL`) first. notes: name -> text after it in the caption.

    text: how to read the curves, beside the large drawing. A single class is drawn once, large: its curve is the mean.
    """
    classes = {name: curve for name, curve in curves.items() if name != ALL}
    if not curves:
        return ""
    mean = curves.get(ALL) or next(iter(classes.values()))
    if len(classes) == 1:
        (name,) = classes
        return f'<div class="curves">{_large(name, mean, [], notes.get(name, ""), text)}</div>'
    large = _large(ALL, mean, list(classes.values()), notes.get(ALL, ""), text)
    small = "".join(_small(name, curve, mean, notes.get(name, "")) for name, curve in classes.items())
    grid = f'<div class="each-class" style="--columns:{_columns(len(classes))}">{small}</div>' if small else ""
    return f'<div class="curves">{large}{grid}</div>'


def _columns(count: int) -> int:
    """As many as leave the rows about equally long."""
    least, most = _COLUMNS
    return max(least, math.ceil(count / math.ceil(count / most)))


def recall_end(curve: Curve) -> float:
    """The largest recall with a precision above zero; 0 when there is none."""
    return max((i / 100 for i, value in enumerate(curve.precision) if value > 0), default=0.0)


def _small(name: str, curve: Curve, mean: Curve, note: str) -> str:
    own, behind = _line(curve, _WIDTH, _HEIGHT), _line(mean, _WIDTH, _HEIGHT)
    inside = (
        f'<path class="under" d="{own}V{_HEIGHT}H0Z"/><path class="mean" d="{behind}"/><path class="own" d="{own}"/>'
        f'<path class="edge" d="M0,0V{_HEIGHT}H{_WIDTH}"/><text x="-3" y="6" text-anchor="end">1</text>'
        f'<text x="-3" y="{_HEIGHT + 9}" text-anchor="end">0</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 9}" text-anchor="end">1</text>'
    )
    return _figure("", name, note, f"-10 -2 {_WIDTH + 12} {_HEIGHT + 14}", inside)


def _large(name: str, mean: Curve, classes: Sequence[Curve], note: str, text: str) -> str:
    width, height = _WIDTH * _SCALE, _HEIGHT * _SCALE
    inside = ""
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = height * (1 - tick)
        inside += f'<line class="guide" x1="0" x2="{width:g}" y1="{y:g}" y2="{y:g}"/>'
        inside += f'<text x="-6" y="{y + 4:g}" text-anchor="end">{tick:g}</text>'
        inside += f'<text x="{width * tick:g}" y="{height + 15:g}" text-anchor="middle">{tick:g}</text>'
    inside += f'<text x="{width / 2:g}" y="{height + 31:g}" text-anchor="middle">recall</text>'
    inside += '<text x="-30" y="-10">precision</text>'
    inside += "".join(f'<path class="each" d="{_line(curve, width, height)}"/>' for curve in classes)
    inside += f'<path class="edge" d="M0,{height:g}H{width:g}"/><path class="own" d="{_line(mean, width, height)}"/>'
    return _figure("large", name, note, f"-30 -22 {width + 38:g} {height + 58:g}", inside, text)


def _figure(kind: str, name: str, note: str, box: str, inside: str, text: str = "") -> str:
    label = escape(f"Precision over recall, {name}")
    drawing = f'<svg viewBox="{box}" role="img" aria-label="{label}">{inside}</svg>'
    caption = (
        f"<figcaption>{escape(name)} <span>{escape(note)}</span>{f'<p>{escape(text)}</p>' if text else ''}</figcaption>"
    )
    return f'<figure class="{kind}">{drawing}{caption}</figure>'


def _line(curve: Curve, width: float, height: float) -> str:
    """The path of a curve, down to where recall ends; points inside a level stretch are left out."""
    values, steps = curve.precision, len(curve.precision) - 1
    last = min(round(recall_end(curve) * 100) + 1, steps)
    points = [
        f"{width * i / steps:.4g},{height * (1 - values[i]):.4g}"
        for i in range(last + 1)
        if i in (0, last) or not values[i - 1] == values[i] == values[i + 1]
    ]
    return "M" + "L".join(points)
