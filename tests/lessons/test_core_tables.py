"""Tables of words: text to the left, numbers as they are, gaps in words."""

from __future__ import annotations

import pandas as pd

from clab_lite.lessons.tables import left


def test_text_stands_left_and_gaps_are_told() -> None:
    table = pd.DataFrame({"name": ["SELSA"], "AP50": [81.54], "fast": [None]})
    text = left(table).to_html()
    assert "text-align: left" in text
    assert "81.5" in text
    assert "81.54" not in text
    assert "not given" in text
    assert ">0<" not in text
    assert ">0<" in left(table, index=True).to_html()
