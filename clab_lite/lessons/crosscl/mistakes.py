"""The right answers of this lesson's exercises, and the wrong versions that people write, each with what to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from clab_lite.lessons.grading import Mistake
from clab_lite.methods.shared import info_nce

Numbers = tuple[float, ...]
Mapped = Numbers | Literal["none"]


def right_mapping(window: Numbers, query: Numbers, key: Numbers, size: int) -> Mapped:
    """View to frame by the query crop, frame to view by the key crop; "none" where the window sticks out."""
    return _checked(_moved(window, query, key, size), size)


def _moved(window: Numbers, query: Numbers, key: Numbers, size: int) -> Numbers:
    source = [query[i % 2] + value * (query[i % 2 + 2] - query[i % 2]) / size for i, value in enumerate(window)]
    return tuple((value - key[i % 2]) * size / (key[i % 2 + 2] - key[i % 2]) for i, value in enumerate(source))


def _checked(box: Numbers, size: int, inside: Callable[[Numbers, int], bool] | None = None) -> Mapped:
    whole = (min(box[:2]) >= 0 and max(box[2:]) < size) if inside is None else inside(box, size)
    return box if whole else "none"


def _swapped(window: Numbers, query: Numbers, key: Numbers, size: int) -> Mapped:
    return right_mapping(window, key, query, size)


def _in_frame(window: Numbers, query: Numbers, key: Numbers, size: int) -> Mapped:
    box = tuple(query[i % 2] + value * (query[i % 2 + 2] - query[i % 2]) / size for i, value in enumerate(window))
    return "none" if right_mapping(window, query, key, size) == "none" else box


def _unscaled(window: Numbers, query: Numbers, key: Numbers, size: int) -> Mapped:
    return _checked(tuple(value + query[i % 2] - key[i % 2] for i, value in enumerate(window)), size)


def _centre(box: Numbers, size: int) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return 0 <= x < size and 0 <= y < size


def _edge(box: Numbers, size: int) -> bool:
    return min(box[:2]) >= 0 and max(box[2:]) <= size


MAPPING = (
    Mistake(
        lambda w, q, k, s: _moved(w, q, k, s),
        'The places are right, but some windows stick out of the key view. These have no match: return "none".',
    ),
    Mistake(
        lambda w, q, k, s: _checked(_moved(w, q, k, s), s, _edge),
        "A window whose right or bottom edge is exactly at the side of the view does not count: it must be smaller.",
    ),
    Mistake(
        lambda w, q, k, s: _checked(_moved(w, q, k, s), s, _centre),
        "You ask for the window's centre. The whole window must lie in the key view.",
    ),
    Mistake(_swapped, "The crops are swapped: the window is in the query view, so its crop leads to the frame."),
    Mistake(_in_frame, "That is the window in the frame, in pixels of the frame. Go on to the key view."),
    Mistake(
        _unscaled, "You shift the window, but a crop is also scaled to the side of the view: use its width and height."
    ),
)


def right_term(z4: Tensor, z3: Tensor, negatives: Tensor, valid: Tensor, temperature: float) -> Tensor:
    """P4 to P3, the mean over valid windows; 0 without any."""
    losses = info_nce(z4[valid], z3[valid], negatives, temperature)
    return losses.sum() / max(len(losses), 1)


def _term(
    z4: Tensor, z3: Tensor, negatives: Tensor, valid: Tensor, temperature: float, *, below: bool = True,
    among_all: bool = False,
) -> Tensor:  # fmt: skip
    good, others = torch.exp((z4 * z3).sum(dim=1) / temperature), torch.exp(z4 @ negatives.T / temperature).sum(dim=1)
    losses = -torch.log(good / (others + (good if below else 0)))
    return losses.mean() if among_all else losses[valid].mean()


TERM = (
    Mistake(
        lambda a, b, n, v, t: _term(a, b, n, v, t, among_all=True),
        "The mean is over all windows. Those that are not valid have no match: leave them out.",
    ),
    Mistake(
        lambda a, b, n, v, t: right_term(a, b, n, v, t) * int(v.sum()) / len(v),
        "The sum of the valid windows is divided by all windows. Divide by the number of valid ones.",
    ),
    Mistake(
        lambda a, b, n, v, t: right_term(a, b, n, v, t) * int(v.sum()),
        "You add the windows up. Take their mean, or a lucky batch has a larger loss.",
    ),
    Mistake(
        lambda a, b, n, v, t: _term(a, b, n, v, t, below=False),
        "The positive is missing in the denominator: the ratio is then no share, and the loss can fall below 0.",
    ),
    Mistake(
        lambda a, b, n, v, _: right_term(a, b, n, v, 1.0), "The temperature is forgotten: divide the cosines by it."
    ),
    Mistake(
        lambda a, b, n, v, t: right_term(b, a, n, v, t),
        "Here P3 looks for P4: that is the other cross term. The queries are z4, the positives z3.",
    ),
    Mistake(
        lambda a, _, n, v, t: right_term(a, a, n, v, t),
        "You compare z4 with itself. Its positive is z3, the same window on the other stage.",
    ),
    Mistake(
        lambda a, b, _, v, t: right_term(a, b, b, v, t),
        "You take the other windows as negatives. Here the negatives are given: squares of all maps of the batch.",
    ),
)

COUNT = (
    Mistake(
        lambda batch, size, level, _: batch * (size // 2**level) ** 2,
        "You count every cell. The squares do not reach over the edge: of a row of n cells, n - square + 1 places fit.",
    ),
    Mistake(
        lambda batch, size, level, square: (batch - 1) * (size // 2**level - square + 1) ** 2,
        "You leave out the window's own image. In the published form its squares are negatives, too.",
    ),
    Mistake(
        lambda _, size, level, square: (size // 2**level - square + 1) ** 2,
        "That is one image. The negatives come from all images of the batch.",
    ),
    Mistake(
        lambda batch, size, level, square: batch * (size // 2**level - square + 1),
        "That is one row of squares per image: they lie in two directions.",
    ),
    Mistake(
        lambda batch, size, level, square: batch * (size // 2**level // square) ** 2,
        "The squares overlap: each begins one cell after the one before, not one square after it.",
    ),
)
