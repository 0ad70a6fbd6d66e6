"""One frame twice inside a page: its ground truth, and what was found. Stacked on a narrow screen."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

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
.pair text { fill: #fff; font-weight: 600; }
"""

_SHOWN_WIDTH = 410
"""Pixels of one panel on a wide page; tags are sized for it."""
_STORED_WIDTH = 820
"""Larger frames are stored in the page at this width: sharp on screens with two pixels per point."""


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
        least_score: detections below are not drawn.
    """
    pixels = np.asarray(image).transpose(1, 2, 0)
    size = (pixels.shape[1], pixels.shape[0])
    boxes, labels = np.asarray(truth[0], np.float64).reshape(-1, 4), np.asarray(truth[1])
    keep = np.asarray(found["scores"]) >= least_score
    shown = {key: np.asarray(found[key])[keep] for key in ("boxes", "scores", "labels")}
    verdict, missed = judge(shown, _Truth(boxes, labels))
    left = [
        _box(box, class_names[int(label)] + (" (missed)" if miss else ""), GREEN, size, dashed=bool(miss))
        for box, label, miss in zip(boxes, labels, missed, strict=True)
    ]
    right = [
        _box(shown["boxes"][i], f"{class_names[int(shown['labels'][i])]} {shown['scores'][i]:.2f}",
             BLUE if verdict[i] else VERMILLION, size, dashed=not verdict[i])
        for i in reversed(range(len(verdict)))  # the best last: its tag lies on top
    ]  # fmt: skip
    picture = f'<image id="{name}" width="{size[0]}" height="{size[1]}" href="{_jpeg(pixels)}"/>'
    panels = _panel("ground truth", size, picture, left) + _panel("detections", size, f'<use href="#{name}"/>', right)
    return f'<figure class="pair"><div>{panels}</div><figcaption>{escape(caption)}</figcaption></figure>'


class _Truth:
    """What `judge` reads."""

    def __init__(self, boxes: NDArray[np.float64], labels: NDArray[Any]) -> None:
        self.boxes, self.labels = boxes, labels


def _panel(label: str, size: tuple[int, int], picture: str, boxes: Sequence[str]) -> str:
    head = f'<div><span>{label}</span><svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{label}">'
    return f"{head}{picture}{''.join(boxes)}</svg></div>"


def _box(box: NDArray[Any], text: str, colour: str, size: tuple[int, int], *, dashed: bool) -> str:
    """A frame around an object and its tag: above it, or inside at the upper edge; it never leaves the picture."""
    x1, y1, x2, y2 = (float(value) for value in box)
    place = f'x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1, 0):.1f}" height="{max(y2 - y1, 0):.1f}"'
    outline = f'<rect class="halo" {place}/>' if not dashed else ""
    outline += f'<rect class="box{" dashed" if dashed else ""}" {place} stroke="{colour}"/>'
    unit = size[0] / _SHOWN_WIDTH
    high, wide = 15 * unit, (6.2 * len(text) + 8) * unit
    x = min(max(x1 - unit, 0), max(size[0] - wide, 0))
    y = y1 - high if y1 >= high else max(y1, 0)
    tag = f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}"/>'
    tag += f'<text x="{x + 4 * unit:.1f}" y="{y + 11.2 * unit:.1f}" font-size="{11 * unit:.1f}"'
    return f'{outline}{tag} textLength="{wide - 8 * unit:.1f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(pixels)
    if picture.width > _STORED_WIDTH:
        height = max(1, round(picture.height * _STORED_WIDTH / picture.width))
        picture = picture.resize((_STORED_WIDTH, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
