"""The few pieces of HTML a report is made of. Every text is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from matplotlib.figure import Figure

from clab_lite.show.style import to_data_uri

_CSS = """
:root { color-scheme: light; --ink: #1f2933; --grey: #5b6875; --line: #e3e8ee; --tint: #f5f7fa; --blue: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Liberation Sans", sans-serif; -webkit-font-smoothing: antialiased;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
main { max-width: 1040px; margin: 0 auto; padding: 56px 24px 96px; }
h1, h2 { text-wrap: pretty; overflow-wrap: anywhere; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; margin: 0 0 8px; }
h2 { font-size: 21px; line-height: 1.3; margin: 64px 0 8px; letter-spacing: -0.005em; }
p { margin: 8px 0; max-width: 80ch; }
p, figcaption { text-wrap: pretty; }
.lead, .note, figcaption { color: var(--grey); }
.note, figcaption { font-size: 14px; max-width: 104ch; }
figure { margin: 20px 0 28px; }
figure img { display: block; width: 100%; height: auto; }
figcaption { margin-top: 6px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin: 28px 0 8px; }
.tile { background: var(--tint); border-radius: 10px; padding: 16px 18px; }
.tile b { display: block; font-size: 32px; line-height: 1.15; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--grey); font-size: 14px; line-height: 1.4; }
.wide { overflow-x: auto; margin: 16px 0; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 20px 0 0; font-size: 14px; }
nav a { color: var(--blue); text-decoration: none; padding: 2px 0; }
nav a:hover { text-decoration: underline; }
table { border-collapse: collapse; width: 100%; font-size: 15px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--grey); }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th.number, td.number { text-align: right; white-space: nowrap; }
tr.group td { padding-top: 22px; font-weight: 600; border-bottom-color: #c9d1da; }
tr.strong td { font-weight: 650; }
dt { font-weight: 600; margin-top: 14px; }
dd { margin: 2px 0 0; max-width: 96ch; font-size: 15px; line-height: 1.5; }
dd b { font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { background: var(--tint); border-radius: 8px; padding: 14px 16px; overflow-x: auto; line-height: 1.5; }
code, td.code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
details summary { cursor: pointer; color: var(--blue); margin: 12px 0; }
@media (max-width: 620px) {
  main { padding: 28px 14px 56px; }
  th, td { padding-right: 8px; }
}
@media print { main { zoom: 0.8; padding: 0; } h1, h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def page(title: str, sections: Iterable[str], style: str = "") -> str:
    """A whole document; `sections` are HTML already. style: CSS of the pieces that are not made here."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_CSS}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *parts: str, name: str = "") -> str:
    """A section with its heading; `parts` are HTML already. name: for links to it; letters, digits and dashes."""
    place = f' id="{escape(name)}"' if name else ""
    return f"<section{place}>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def links(names: Iterable[str]) -> str:
    """Links to the sections of these names; a name with its dashes as spaces is what one reads."""
    items = "".join(f'<a href="#{escape(name)}">{escape(name.replace("-", " "))}</a>' for name in names)
    return f"<nav>{items}</nav>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; kind "lead" or "note" is quieter."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def tiles(items: Sequence[tuple[str, str, str]]) -> str:
    """Large numbers: (number, what it is, what it stands on)."""
    cells = (
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(name)}</span><span>{escape(basis)}</span></div>'
        for number, name, basis in items
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def picture(figure: Figure, caption: str, *, alt: str = "", dpi: int = 160) -> str:
    """A figure inside the page, as a PNG. `alt` defaults to the caption."""
    return (
        f'<figure><img src="{to_data_uri(figure, dpi)}" alt="{escape(alt or caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def pairs_table(rows: Iterable[tuple[str, str]], *, code: bool = False) -> str:
    """Two columns: name and value."""
    kind = ' class="code"' if code else ""
    body = "".join(f"<tr><td{kind}>{escape(name)}</td><td{kind}>{escape(value)}</td></tr>" for name, value in rows)
    return f'<div class="wide"><table>{body}</table></div>'


def command(text: str) -> str:
    """A command line to copy."""
    return f"<pre><code>{escape(text)}</code></pre>"


def folded(summary: str, *parts: str) -> str:
    """Content that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"
