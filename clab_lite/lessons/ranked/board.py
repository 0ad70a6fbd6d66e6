"""A ranking to edit: put classes into rank 2, rank 3 or the rest by the mouse or by buttons, and watch the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.lessons.contrast.drag import Drag
from clab_lite.lessons.explorer import Explorer
from clab_lite.lessons.ranked.board_figure import PLACES, cell_of, draw_board
from clab_lite.lessons.ranked.free import climb
from clab_lite.methods.ranked import lite
from clab_lite.methods.ranked.ranking_file import read_ranking

RANKED = len(PLACES) - 1
"""How many ranks beside the own class a list of the board holds."""


def shipped_lists() -> dict[str, tuple[str, ...]]:
    """The lists of the sample world's known classes, the first two entries of each."""
    ranking = read_ranking("sample_world")
    withheld = lite().withheld or ()
    known = ranking.among(name for name in ranking.class_names if name not in withheld)
    return {name: tuple(listed)[:RANKED] for name, listed in known.similar.items()}


class RankingBoard(Explorer):
    """Lists of similar classes, one row per class. `lists` is what the reader has made of them."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._start = {name: tuple(listed) for name, listed in lists.items()}
        self.lists = dict(self._start)
        names = list(lists)
        controls: dict[str, Any] = {
            "row": lessons.choice("list of", names),
            "word": lessons.choice("move", names, names[1]),
            "seed": lessons.slider("start", 0, 9, 0, 1),
        }
        super().__init__(self._draw_lists, controls)
        self._held: tuple[str, str] | None = None
        self.buttons = [self._button(f"to {place}", number) for number, place in enumerate(PLACES)]
        reset = widgets.Button(description="as shipped", layout=widgets.Layout(width="auto"))
        reset.on_click(lambda _: self.reset())
        row = widgets.HBox([*self.buttons, reset])
        first, *others = self.widget.children
        self.widget.children = (first, row, *others)
        self.drag = Drag(self.picture, lambda: self.figure, 0, self.grab, self.move, say=self.tell)

    def put(self, row: str, word: str, place: int) -> None:
        """Put a class into a place of a row's list: 0 is rank 2, 1 is rank 3, 2 the rest. Who stood there changes
        places with it. A list has no gaps: alone in rank 3 means rank 2.
        """
        if row == word:
            self.tell(f"{row} is always the first of its own list.")
            return
        listed = [name for name in self.lists[row] if name != word]
        before = list(self.lists[row]).index(word) if word in self.lists[row] else RANKED
        if place < RANKED:
            displaced = self.lists[row][place] if place < len(self.lists[row]) else None
            if displaced not in (None, word) and before == RANKED:
                listed.remove(displaced)
            listed.insert(place, word)
        self.lists[row] = tuple(listed[:RANKED])
        self.redraw()

    def reset(self) -> None:
        """The shipped ranking again."""
        self.lists = dict(self._start)
        self.redraw()

    def grab(self, x: float, y: float) -> None:
        """Take hold of the class whose name is at (x, y) of the board."""
        self._held = None
        row, place, word = cell_of(self.lists, x, y)
        if word is not None and place is not None:
            self._held = (row, word)

    def move(self, x: float, y: float) -> None:
        """Carry the held class to the place at (x, y), inside its own row."""
        if self._held is None:
            return
        row, word = self._held
        _, place, _ = cell_of(self.lists, x, y)
        listed = self.lists[row]
        now = listed.index(word) if word in listed else RANKED
        if place is not None and place != now:
            self.put(row, word, place)

    def _button(self, text: str, place: int) -> widgets.Button:
        button = widgets.Button(description=text, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self.put(self.values["row"], self.values["word"], place))
        return button

    def _draw_lists(self, row: str, word: str, seed: int) -> tuple[Figure, str]:  # noqa: ARG002 - for the buttons
        trained = climb(self.lists, seed=seed)
        plain = climb(self.lists, ranks=1, seed=seed)
        return draw_board(self.lists, trained, plain, row)


def ranking_board(lists: Mapping[str, Sequence[str]] | None = None) -> RankingBoard:
    """A board that starts with the given lists (default: the sample world's)."""
    return RankingBoard(shipped_lists() if lists is None else lists)
