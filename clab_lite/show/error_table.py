"""Kinds of error as a table with bars: how often, and what each costs in AP50."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from clab_lite.evaluation_report import ErrorCost
from clab_lite.evaluation_words import ERROR_WORDS

STYLE = """
table.errors td:first-child { min-width: 130px; }
table.errors td p { margin: 0; font-size: 13px; line-height: 1.4; color: var(--grey); }
table.errors td.cost { width: 40%; vertical-align: middle; }
table.errors td.cost div { display: flex; align-items: center; gap: 8px; }
table.errors td.cost i { display: block; height: 12px; border-radius: 2px; background: #d55e00; min-width: 1px; }
@media (max-width: 620px) {
  table.errors, table.errors tbody { display: block; }
  table.errors thead { display: none; }
  table.errors tr { display: flex; flex-wrap: wrap; gap: 2px 12px; padding: 10px 0;
    border-bottom: 1px solid var(--line); }
  table.errors td { display: block; border: 0; padding: 0; }
  table.errors td:first-child, table.errors td.cost { flex: 0 0 100%; }
  table.errors td.number { order: 1; font-size: 13px; color: var(--grey); }
  table.errors td.number::before { content: "how often\\00a0"; }
}
"""


def error_table(errors: Mapping[str, ErrorCost]) -> str:
    """Kinds in descending cost."""
    ranked = sorted(errors.items(), key=lambda item: -item[1].cost)
    longest = max((error.cost for error in errors.values()), default=0.0) or 1.0
    body = ""
    for kind, error in ranked:
        name, what = ERROR_WORDS.get(kind, (kind, ""))
        length = 72 * max(error.cost, 0.0) / longest  # the rest of the cell is for the number
        bar = f'<div><i style="width:{length:.1f}%"></i>{error.cost:.3f}</div>'
        body += f"<tr><td>{escape(name.capitalize())}<p>{escape(what)}</p></td>"
        body += f'<td class="number">{error.count:,}</td><td class="cost">{bar}</td></tr>'
    head = '<th></th><th class="number">how often</th><th>AP50 to gain</th>'
    table = f'<table class="errors"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="wide">{table}</div>'
