"""What a point of a map is coloured by: its class, its video, or what troubles its frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable
from clab_lite.errors import DataError
from clab_lite.show.style import GREY, PALE, PALETTE

COLOURINGS = ("class", "video", "trouble")
MOST = len(PALETTE)


@dataclass(frozen=True)
class Colouring:
    """A group and a colour for each of N rows."""

    by: str
    names: NDArray[np.str_]
    """(N,) the group of each row."""
    palette: dict[str, str]
    """Colour of each group, the largest first. With more groups than colours, colours come again."""

    @property
    def colours(self) -> list[str]:
        """(N,) the colour of each row."""
        return [self.palette[name] for name in self.names]

    @property
    def distinct(self) -> bool:
        """Whether every group has a colour of its own: then a legend helps."""
        return len(set(self.palette.values())) == len(self.palette)


def few(colours: Colouring, keep: Sequence[int] = (), most: int = MOST) -> Colouring:
    """At most `most` groups in colour and the others together in grey: for a picture that nobody can point at.

    keep: rows whose groups are among the coloured ones. Colours that are told apart already stay as they are, and so
        does that of the first group of each colour: only the others get one that is free.
    """
    if colours.distinct:
        return colours
    wanted = list(dict.fromkeys([*(str(colours.names[row]) for row in keep), *colours.palette]))[:most]
    rest = f"{len(colours.palette) - len(wanted)} more"
    names = np.where(np.isin(colours.names, wanted), colours.names, rest)
    first = {colours.palette[name]: name for name in reversed(wanted)}
    free = iter([colour for colour in PALETTE if colour not in first])
    palette = {name: own if first[own := colours.palette[name]] == name else next(free) for name in wanted}
    return Colouring(colours.by, names, palette | {rest: PALE})


def colouring(table: EmbeddingTable, by: str) -> Colouring:
    """Group the rows by "class", "video" or "trouble".

    Frames without an object are "no object"; without a trouble "clean"; with more than one "several troubles".

    Raises:
        DataError: `by` is none of these.
    """
    rows = table.table
    if by == "class":
        names = [name.replace("_", " ") or "no object" for name in rows["class_name"]]
    elif by == "video":
        names = [f"video {number}" for number in rows["video"]]
    elif by == "trouble":
        names = [_trouble(text) for text in rows["troubles"]]
    else:
        raise DataError(f"colour by {by!r} is unknown. Choose one of: {', '.join(COLOURINGS)}.")
    found, first, counts = np.unique(np.asarray(names, dtype=str), return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    plain = ("clean", "no object")
    coloured = [str(name) for name in found[order] if name not in plain]
    palette = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(coloured)}
    palette |= {str(name): GREY for name in found[order] if name in plain}
    return Colouring(by, np.asarray(names, dtype=str), palette)


def _trouble(text: str) -> str:
    if not text:
        return "clean"
    return "several troubles" if "," in text else text.replace("_", " ")
