"""Tables of words in a notebook: pandas sets text to the right, which is for numbers."""

from __future__ import annotations

import pandas as pd
from pandas.io.formats.style import Styler


def left(table: pd.DataFrame, *, index: bool = False) -> Styler:
    """The table with its columns of text on the left side; numbers stay right, with one decimal.

    Args:
        table: any; cells that hold nothing are shown as "not given".
        index: whether the row names are shown.
    """
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    style = table.style.set_properties(subset=texts, **{"text-align": "left"})
    style = style.set_table_styles([{"selector": "th", "props": [("text-align", "left")]}])
    style = style.format(precision=1, na_rep="not given")
    return style if index else style.hide(axis="index")
