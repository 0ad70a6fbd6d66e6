"""Where the name of a box is written: at the first of its edges where no other name stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Area = tuple[float, float, float, float]
"""Corners (x1, y1, x2, y2); y grows downwards. Any unit, the same for all."""
_ENOUGH = 1e-6


def free_place(box: Area, size: tuple[float, float], frame: Area, taken: Sequence[Area]) -> Area:
    """The area of a name (width, height) = `size` at its box: above it, inside at the top (in a box of three lines and
    more), below, inside at the top, at the bottom, right, left; along each edge at either end. The first that touches
    no area of `taken`, else the one covered least.

    It lies inside `frame`, unless it is larger: then it begins at its left or upper edge.
    """
    best, least = box, float("inf")
    for place in _places(box, size, frame):
        covered = sum(_common(place, other) for other in taken)
        if covered < least - _ENOUGH:
            best, least = place, covered
    return best


def _places(box: Area, size: tuple[float, float], frame: Area) -> Iterator[Area]:
    """Edge by edge. A place outside the frame is left out, and moved into it at the end, where all else is taken."""
    (left, top, right, bottom), (wide, high) = _inside(box, frame), size
    ends = [left, right - wide]
    if left > frame[0] + 0.6 * (frame[2] - frame[0]):
        ends.reverse()
    first = (top - high, top) if bottom - top > 3 * high else (top - high,)  # a small object would be hidden
    corners = [(x, y) for y in (*first, bottom, top, bottom - high) for x in ends]
    corners += [(x, y) for x in (right, left - wide) for y in (top, bottom - high)]
    outside = []
    for x, y in corners:
        moved = (max(min(x, frame[2] - wide), frame[0]), max(min(y, frame[3] - high), frame[1]))
        place = (*moved, moved[0] + wide, moved[1] + high)
        if abs(y - moved[1]) < _ENOUGH and (abs(x - moved[0]) < _ENOUGH or y in (top - high, bottom)):
            yield place  # above and below a box, a name may move sideways
        else:
            outside.append(place)
    yield from outside


def _inside(box: Area, frame: Area) -> Area:
    x1, x2 = (max(min(x, frame[2]), frame[0]) for x in (box[0], box[2]))
    y1, y2 = (max(min(y, frame[3]), frame[1]) for y in (box[1], box[3]))
    return x1, y1, max(x1, x2), max(y1, y2)


def _common(one: Area, other: Area) -> float:
    """Area that two have in common."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)
