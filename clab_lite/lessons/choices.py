"""One of several sentences: round buttons whose long texts wrap."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

STYLE = """<style>
.clab-lite-choices.widget-radio { width: auto; height: auto; }
.clab-lite-choices .widget-radio-box { max-width: 100%; width: auto; height: auto; margin: 0; }
.clab-lite-choices .widget-radio-box label { white-space: normal; height: auto; line-height: 1.4; width: auto;
  font-size: 14px; margin: 3px 0; display: flex; align-items: flex-start; }
.clab-lite-choices .widget-radio-box input { margin: 3px 8px 0 2px; flex: none; order: -1; }
.clab-lite-question { font-size: 15px; line-height: 1.5; }
</style>"""
"""Belongs once into an HTML widget beside the buttons. Only CSS."""


def radio(texts: Sequence[str]) -> widgets.RadioButtons:
    """The buttons; none is chosen (`index` None)."""
    buttons = widgets.RadioButtons(options=list(texts), index=None, layout=widgets.Layout(width="auto"))
    buttons.add_class("clab-lite-choices")
    return buttons
