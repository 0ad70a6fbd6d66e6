"""Which classes are alike, as the user ranks them: per class a list, most similar first (specification, section 4).

A class that is not in a list of another is unrelated to it. Lists may be short or empty: nothing is ever added to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from clab_lite.errors import DataError

Lists = Mapping[str, Sequence[str]]

RELEASED_SCORE = 0.75
"""What the released code gives to every listed class, whatever its position."""


@dataclass(frozen=True)
class Ranking:
    """Similar classes per class, in falling order; the own class comes before them and is not written.

    Raises:
        DataError: a name that is no class, a class in its own list or twice in one, or scores that do not belong to
            a listed class, are not in (0, 1), or do not fall along the list.
    """

    class_names: tuple[str, ...]
    """In label order."""
    similar: Lists = field(default_factory=dict)
    """Class -> similar classes; a class that is missing has none."""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Class -> listed class -> similarity in (0, 1). A class without an entry gets its scores from the positions."""
    released_scores: bool = False
    """Whether every listed class has similarity 0.75, as in the released code. Then the order tells nothing."""
    place: str = "ranking"
    """Where it comes from, for messages."""

    def __post_init__(self) -> None:
        for name, listed in self.similar.items():
            self._check_names(name, listed)
        for name, scores in self.scores.items():
            self._check_scores(name, scores)
        if self.scores and self.released_scores:
            remedy = "Remove the scores, or set released_scores to false."
            raise DataError.at(self.place, "", "it has scores and released_scores", remedy)

    def _check_names(self, name: str, listed: Sequence[str]) -> None:
        for position, word in enumerate((name, *listed)):
            where = f"list of {name!r}, position {position}" if position else f"class {name!r}"
            if word not in self.class_names:
                remedy = f"Use one of: {', '.join(self.class_names)}."
                raise DataError.at(self.place, where, f"{word!r} is no class here", remedy)
            if position and word == name:
                raise DataError.at(self.place, where, "the class is in its own list", "Remove it: it is always first.")
            if word in listed[: max(position - 1, 0)]:
                raise DataError.at(self.place, where, f"{word!r} is listed a second time", "Remove one of the two.")

    def _check_scores(self, name: str, scores: Mapping[str, float]) -> None:
        where, listed = f"scores of {name!r}", self.similar.get(name, ())
        for word in (*scores, *listed):
            if word not in listed or word not in scores:
                problem = f"{word!r} has {'no score' if word in listed else 'a score but is not listed'}"
                raise DataError.at(self.place, where, problem, "Give a score to each listed class, and to no other.")
        before = 1.0
        for word in listed:
            if not 0 < scores[word] < 1:
                remedy = "Use numbers between 0 and 1, both excluded."
                raise DataError.at(self.place, where, f"{word!r} has {scores[word]!r}", remedy)
            if scores[word] >= before:
                problem = f"{word!r} has {scores[word]:g} after {before:g}, which does not fall"
                raise DataError.at(self.place, where, problem, "Order the list by falling score.")
            before = scores[word]

    def asymmetric_pairs(self) -> list[tuple[str, str]]:
        """Pairs (a, b) where a lists b, but b does not list a. Allowed, but worth a look: was one forgotten?"""
        lists = self.similar
        return [(name, word) for name in lists for word in lists[name] if name not in lists.get(word, ())]

    def among(self, class_names: Iterable[str]) -> Ranking:
        """The ranking of fewer classes (or the same in another order): the others leave every list."""
        names = tuple(class_names)
        similar = {name: tuple(w for w in self.similar.get(name, ()) if w in names) for name in names}
        scores = {
            name: {word: score for word, score in self.scores[name].items() if word in names}
            for name in names
            if name in self.scores
        }
        return Ranking(names, similar, scores, self.released_scores, self.place)

    def similarity(self, ranks: int) -> Tensor:
        """Similarities (classes, classes), row = anchor: 1 for the own class, 0 for unrelated ones, for `ranks` ranks.

        Without scores, position j = 1 ... ranks - 1 of a list gets 1 - j / ranks, and what stands further back 0.
        With scores, the first ranks - 1 of a list keep theirs.
        """
        table = torch.eye(len(self.class_names), dtype=torch.float64)
        for row, name in enumerate(self.class_names):
            for position, word in enumerate(self.similar.get(name, ()), start=1):
                score = RELEASED_SCORE if self.released_scores else 1 - position / ranks
                score = self.scores.get(name, {}).get(word, score)
                if position < ranks or self.released_scores:
                    table[row, self.class_names.index(word)] = score
        return table

    def order(self) -> Tensor:
        """(classes, classes) label numbers per class: itself, its list, then all others in label order."""
        rows = []
        for name in self.class_names:
            first = [name, *self.similar.get(name, ())]
            rows.append([*first, *(other for other in self.class_names if other not in first)])
        return torch.tensor([[self.class_names.index(word) for word in row] for row in rows])
