"""One frame twice inside a page: its ground truth, and what was found. Stacked on a narrow screen."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from clab_lite.media.free_place import Area, free_place
from clab_lite.show.frames import judge
from clab_lite.show.style import BLUE, GREEN, VERMILLION

STYLE = """
.pair { margin: 24px 0 32px; break-inside: avoid; }
.pair > div { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 8px; }
.pair figcaption { max-width: none; }
.pair span { font-size: 13px; color: var(--grey); }
.pair svg { display: block; width: 100%; height: auto; border-radius: 4px; }
.pair rect.box { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2; }
.pair rect.halo { fill: none; vector-effect: non-scaling-stroke; stroke: #fff; stroke-opacity: 0.7; stroke-width: 4; }
.pair rect.dashed { stroke-dasharray: 5 3; }
.pair rect.weak { stroke-width: 1; }
.pair text { fill: #fff; font-weight: 600; }
"""

_SHOWN_WIDTH = 490
"""Pixels of one panel on a wide page; tags are sized for it."""
_STORED_WIDTH = 820
"""Larger frames are stored in the page at this width: sharp on most screens."""
_WEAK = 3
"""How many detections are drawn where none reaches the least score."""


def frame_pair(
    name: str,
    image: ArrayLike,
    found: Mapping[str, Any],
    truth: tuple[ArrayLike, ArrayLike],
    class_names: Sequence[str],
    caption: str,
    *,
    least_score: float = 0.3,
) -> str:
    """Ground truth first, detections second, in the colours of `clab_lite.show.frames`.

    Args:
        name: unique in the page: letters, digits, dashes.
        image: (3, H, W) uint8 RGB.
        found: {"boxes" (D, 4), "scores" (D,), "labels" (D,)}, best first, pixels of `image`.
        truth: boxes (G, 4) and labels (G,).
        class_names: in label order.
        caption: a line under the pair.
        least_score: detections below are not drawn; where none reaches it, the best three are, with thin lines.
    """
    pixels = np.asarray(image).transpose(1, 2, 0)
    size = (pixels.shape[1], pixels.shape[0])
    boxes, labels = np.asarray(truth[0], np.float64).reshape(-1, 4), np.asarray(truth[1])
    shown, heading, weak = _to_show(found, least_score)
    verdict, missed = judge(shown, _Truth(boxes, labels))
    if weak:
        missed[:] = True
    left = _boxes(
        [
            _Named(box, class_names[int(label)] + (" (missed)" if miss else ""), GREEN, dashed=bool(miss))
            for box, label, miss in zip(boxes, labels, missed, strict=True)
        ],
        size,
    )
    right = _boxes(
        [
            _Named(shown["boxes"][i], f"{class_names[int(shown['labels'][i])]} {shown['scores'][i]:.2f}",
                   BLUE if verdict[i] else VERMILLION, dashed=not verdict[i], weak=weak)
            for i in range(len(verdict))
        ],
        size,
    )  # fmt: skip
    picture = f'<image id="{name}" width="{size[0]}" height="{size[1]}" href="{_jpeg(pixels)}"/>'
    panels = _panel("ground truth", size, picture, left) + _panel(heading, size, f'<use href="#{name}"/>', right)
    return f'<figure class="pair"><div>{panels}</div><figcaption>{escape(caption)}</figcaption></figure>'


def _to_show(found: Mapping[str, Any], least_score: float) -> tuple[dict[str, NDArray[Any]], str, bool]:
    """The detections to draw, a heading for them, and whether they are weaker than asked for."""
    scores = np.asarray(found["scores"])
    keep, heading, weak = scores >= least_score, f"detections, score {least_score:g} or more", False
    if not len(scores):
        heading = "no detections"
    elif not keep.any():
        keep, weak = np.arange(len(scores)) < _WEAK, True
        heading = f"no detection reaches {least_score:g}; the best has {_below(float(scores[0]), least_score)}"
    return {key: np.asarray(found[key])[keep] for key in ("boxes", "scores", "labels")}, heading, weak


def _below(score: float, least: float) -> str:
    """Two decimals; more where they would show the least score itself."""
    return next((text for digits in (2, 3, 4) if float(text := f"{score:.{digits}f}") < least), f"{score:g}")


class _Truth:
    """What `judge` reads."""

    def __init__(self, boxes: NDArray[np.float64], labels: NDArray[Any]) -> None:
        self.boxes, self.labels = boxes, labels


def _panel(label: str, size: tuple[int, int], picture: str, boxes: Sequence[str]) -> str:
    head = f'<div><span>{escape(label)}</span><svg viewBox="0 0 {size[0]} {size[1]}" role="img"'
    head += f' aria-label="{escape(label)}">'
    return f"{head}{picture}{''.join(boxes)}</svg></div>"


@dataclass(frozen=True)
class _Named:
    """A box and how it is drawn."""

    box: NDArray[Any]
    text: str
    colour: str
    dashed: bool
    weak: bool = False


def _boxes(named: Sequence[_Named], size: tuple[int, int]) -> list[str]:
    """Outlines and tags, the first box on top and the first to choose the place of its tag."""
    unit, taken = size[0] / _SHOWN_WIDTH, list[Area]()
    outlines, tags = [], []
    for one in named:
        x1, y1, x2, y2 = (float(value) for value in one.box)
        corners = (x1, y1, max(x1, x2), max(y1, y2))
        wide = (6.2 * len(one.text) + 8) * unit
        place = free_place(corners, (wide, 15 * unit), (0.0, 0.0, float(size[0]), float(size[1])), taken)
        taken.append(place)
        outlines.append(_outline(one, corners))
        tags.append(_tag(one, place, unit))
    return [*reversed(outlines), *reversed(tags)]


def _outline(one: _Named, corners: Area) -> str:
    x1, y1, x2, y2 = corners
    place = f'x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"'
    halo = f'<rect class="halo" {place}/>' if not one.dashed else ""
    kind = f"box{' dashed' if one.dashed else ''}{' weak' if one.weak else ''}"
    return f'{halo}<rect class="{kind}" {place} stroke="{one.colour}"/>'


def _tag(one: _Named, place: Area, unit: float) -> str:
    x, y, wide, high = place[0], place[1], place[2] - place[0], place[3] - place[1]
    tag = f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{one.colour}"/>'
    tag += f'<text x="{x + 4 * unit:.1f}" y="{y + 11.2 * unit:.1f}" font-size="{11 * unit:.1f}"'
    return f'{tag} textLength="{wide - 8 * unit:.1f}" lengthAdjust="spacingAndGlyphs">{escape(one.text)}</text>'


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(pixels)
    if picture.width > _STORED_WIDTH:
        height = max(1, round(picture.height * _STORED_WIDTH / picture.width))
        picture = picture.resize((_STORED_WIDTH, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
