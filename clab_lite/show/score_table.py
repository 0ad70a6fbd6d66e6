"""A table of scores: each with its interval, drawn on one axis from 0 on, and what it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from clab_lite.evaluation_report import Interval, Score, Scores

STYLE = """
table.scores { table-layout: fixed; min-width: 700px; }
table.scores th { vertical-align: bottom; line-height: 1.3; }
table.scores th.number { white-space: normal; }
table.scores th.name { width: 150px; }
table.scores th.value { width: 66px; }
table.scores th.interval { width: 122px; }
table.scores th.extra { width: 76px; }
table.scores th.count { width: 68px; }
table.scores td.plot, table.scores th.plot { padding: 6px 22px 6px 10px; vertical-align: middle; }
table.scores th.plot { vertical-align: bottom; }
table.scores td.name { overflow-wrap: anywhere; }
table.scores tr td:last-child, table.scores tr th:last-child { padding-right: 0; }
table.scores td.small { color: var(--grey); }
table.scores tr.strong td.small { font-weight: 400; }
table.scores td.why { white-space: normal; color: var(--grey); font-size: 13px; }
table.scores p { margin: 2px 0 0; font-weight: 400; font-size: 13px; color: var(--grey); }
.axis { position: relative; height: 14px; background: linear-gradient(var(--line), var(--line)) 0 50% / 100% 1px
  no-repeat; }
.axis i { position: absolute; display: block; }
.axis .span { top: 4.5px; height: 5px; background: #9cc7e2; border-radius: 2.5px; min-width: 2px; }
.axis .mark { top: 2.5px; width: 9px; height: 9px; margin-left: -4.5px; border-radius: 50%; background: var(--blue); }
.axis .other { top: 2px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; background: #fff;
  border: 1.8px solid #7b8794; }
.axis .line { top: -9px; bottom: -9px; width: 0; border-left: 1px dotted #98a3af; }
th .scale { display: block; font-weight: 400; text-align: center; }
th .ticks { position: relative; height: 1.3em; font-weight: 400; }
th .ticks span { position: absolute; transform: translateX(-50%); }
@media (max-width: 620px) {
  table.scores { min-width: 0; }
  table.scores, table.scores tbody { display: block; }
  table.scores thead { display: none; }
  table.scores tr { display: flex; flex-wrap: wrap; column-gap: 14px; align-items: baseline; padding: 8px 0;
    border-bottom: 1px solid var(--line); }
  table.scores tr.group { display: block; padding: 20px 0 4px; border-bottom-color: #c9d1da; }
  table.scores td { border: 0; padding: 0; }
  table.scores td.name { flex: 1 1 55%; }
  table.scores td.plot { display: block; order: 1; flex: 0 0 100%; padding: 5px 0; }
  table.scores td.why { order: 1; flex: 0 0 100%; }
  table.scores td.small { order: 2; font-size: 13px; text-align: left; }
  table.scores td.small:empty { display: none; }
  table.scores tr::after { content: ""; order: 2; flex: 0 0 100%; }
  table.scores td.count { order: 3; }
  .axis .line { top: -4px; bottom: -4px; }
  .axis { margin: 0 34px 0 18px; }
  .axis::before, .axis::after { position: absolute; top: -1px; font-size: 11px; line-height: 16px; color: var(--grey); }
  .axis::before { content: "0"; right: calc(100% + 8px); }
  .axis::after { content: attr(data-end); left: calc(100% + 8px); }
  table.scores td.small::before { content: attr(data-name) "\\00a0"; }
}
"""

DASH = "\N{EN DASH}"
"""Between the ends of an interval, and in place of a number that is undefined."""
_COUNTS = ("videos", "frames", "boxes")
_ENDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Where an axis may end."""


@dataclass(frozen=True)
class Row:
    """One score. value, interval and other lie in [0, 1]; other is a second value to compare with, drawn hollow."""

    name: str
    value: float | None
    interval: Interval | None
    counts: tuple[int, int, int]
    """Videos, frames, boxes."""
    undefined: str | None = None
    other: float | None = None
    extra: tuple[str, ...] = ()
    """Texts of the extra columns."""
    strong: bool = False

    @classmethod
    def of(cls, name: str, score: Score, *, strong: bool = False) -> Row:
        """From one AP50."""
        counts = (score.videos, score.frames, score.boxes)
        return cls(name, score.value, score.interval, counts, score.undefined, strong=strong)

    @classmethod
    def of_both(cls, name: str, scores: Scores, *, clean: bool = False, strong: bool = False) -> Row:
        """From AP50 and AP: the latter, and AP50 on clean frames when `clean`, as extra columns."""
        counts = (scores.videos, scores.frames, scores.boxes)
        extra = (*((number(scores.clean_ap50) if scores.clean_ap50 is not None else "",) if clean else ()),)
        extra = (*extra, DASH if scores.ap is None else number(scores.ap))
        return cls(name, scores.ap50, scores.ap50_interval, counts, scores.undefined, scores.clean_ap50, extra, strong)


@dataclass(frozen=True)
class Group:
    """Rows under a heading of their own; "" for none. note: a quiet line under the heading."""

    title: str
    rows: Sequence[Row]
    note: str = ""


def number(value: float | None) -> str:
    """Three decimals, or "undefined"."""
    return "undefined" if value is None else f"{value:.3f}"


def span(interval: Interval | None) -> str:
    """Both ends with a dash between, or nothing."""
    return "" if interval is None else f"{interval[0]:.3f}{DASH}{interval[1]:.3f}"


def score_table(
    groups: Sequence[Group], *, measure: str = "AP50", extra: Sequence[str] = (), line: float | None = None
) -> str:
    """The table. measure: heading of the value. extra: headings of the extra columns. line: a dotted mark in all plots.

    The column of intervals is left out when no row has one. The axes end at the next round value above all that is
    drawn, which is written over them. On a narrow screen each row becomes a small block.
    """
    groups = [group for group in groups if group.rows]
    intervals = any(row.interval is not None for group in groups for row in group.rows)
    head = '<th class="name"></th>' + _heading("value", measure)
    head += _heading("interval", "95 % interval") if intervals else ""
    end = _axis_end([row for group in groups for row in group.rows], line)
    ticks = "".join(f'<span style="left:{100 * part:g}%">{end * part:g}</span>' for part in (0, 0.5, 1))
    scale = "" if end == 1 else f'<span class="scale">{escape(measure)}, 0 to {end:g} (not 1)</span>'
    head += f'<th class="plot">{scale}<div class="ticks">{ticks}</div></th>'
    head += "".join(_heading("extra", name) for name in extra)
    head += "".join(_heading("count", name) for name in _COUNTS)
    width = 3 + intervals + len(extra) + len(_COUNTS)
    body = ""
    for group in groups:
        if group.title:
            note = f"<p>{escape(group.note)}</p>" if group.note else ""
            body += f'<tr class="group"><td colspan="{width}">{escape(group.title)}{note}</td></tr>'
        body += "".join(_row(row, extra, intervals, line, end) for row in group.rows)
    return f'<div class="wide"><table class="scores"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(row: Row, extra: Sequence[str], intervals: bool, line: float | None, end: float) -> str:
    cells = f'<td class="name">{escape(row.name)}</td>'
    if row.value is None and row.undefined:
        cells += f'<td class="number">{DASH}</td><td class="why" colspan="{2 if intervals else 1}">'
        cells += f"undefined: {escape(row.undefined)}</td>"
    else:
        cells += f'<td class="number">{number(row.value)}</td>'
        cells += _small(span(row.interval), "95 %") if intervals else ""
        cells += f'<td class="plot">{_axis(row, line, end)}</td>'
    cells += "".join(_small(text, name) for text, name in zip(row.extra, extra, strict=True))
    cells += "".join(_small(f"{count:,}", name, "count") for count, name in zip(row.counts, _COUNTS, strict=True))
    return f"<tr{' class=strong' if row.strong else ''}>{cells}</tr>"


def _heading(kind: str, text: str) -> str:
    return f'<th class="number {kind}">{escape(text)}</th>'


def _small(text: str, name: str, kind: str = "") -> str:
    return f'<td class="number small {kind}" data-name="{escape(name)}">{escape(text)}</td>'


def _axis_end(rows: Sequence[Row], line: float | None) -> float:
    """The first of `_ENDS` that nothing drawn exceeds."""
    drawn = [value for row in rows for value in (row.value, row.other, *(row.interval or ())) if value is not None]
    largest = max([*drawn, line or 0.0])
    return next((end for end in _ENDS if largest <= end), 1.0)


def _axis(row: Row, line: float | None, end: float) -> str:
    marks = "" if line is None else _mark("line", line / end)
    if row.interval is not None:
        low, high = (side / end for side in row.interval)
        marks += f'<i class="span" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
    marks += "" if row.other is None else _mark("other", row.other / end)
    marks += "" if row.value is None else _mark("mark", row.value / end)
    return f'<div class="axis" data-end="{end:g}">{marks}</div>'


def _mark(kind: str, value: float) -> str:
    return f'<i class="{kind}" style="left:{100 * value:.2f}%"></i>'
