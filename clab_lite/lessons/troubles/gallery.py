"""Clean beside troubled: the same object with and without each trouble, and how much light and sharpness it lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from clab_lite.data.classes import TROUBLES
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.show.style import GREEN, GREY, INK, VERMILLION, heading, new_figure
from clab_lite.show.tags import add_tag

_WINDOW = 88
"""Pixels of a shown square: most objects fit."""


@dataclass(frozen=True)
class Pair:
    """One object of one video, in a clean frame and in a frame with one trouble. Boxes (4,) pixels, inclusive."""

    trouble: str
    video: int
    clean: int
    troubled: int
    clean_box: NDArray[np.float32]
    troubled_box: NDArray[np.float32]


def word(trouble: str) -> str:
    """`motion_blur` as people say it."""
    return trouble.replace("_", " ")


def find_pair(index: VideoIndex, trouble: str) -> Pair:
    """The pair with the largest object among the videos that have frames with and without this trouble.

    The troubled frame is the middle one of those that have only this trouble; the clean one is the nearest to it. Of a
    truncated object they are the frames that show least and most of it.
    """
    if trouble not in TROUBLES:
        raise DataError(f"trouble {trouble!r} is unknown. Choose one of: {', '.join(TROUBLES)}.")
    candidates = [pair for video in range(len(index)) if (pair := _pair_in(index, video, trouble)) is not None]
    if not candidates:
        raise DataError(f"no video has frames with and without {trouble!r}. Use a split with a troubles.json.")
    return max(candidates, key=lambda pair: float(np.prod(pair.clean_box[2:] - pair.clean_box[:2])))


def _pair_in(index: VideoIndex, video: int, trouble: str) -> Pair | None:
    known = [index.troubles(video, frame) for frame in range(index.videos[video].frame_count)]
    clean = [frame for frame, words in enumerate(known) if not words]
    hard = [frame for frame, words in enumerate(known) if words == (trouble,)]
    if not clean or not hard:
        return None
    troubled = hard[len(hard) // 2]
    nearest = min(clean, key=lambda frame: abs(frame - troubled))
    if trouble == "truncation":  # its middle may show nearly the whole object: take the frames that differ most
        troubled = min(hard, key=lambda frame: _first_area(index, video, frame))
        nearest = max(clean, key=lambda frame: _first_area(index, video, frame))
    before, after = index.annotation(video, nearest), index.annotation(video, troubled)
    if not len(before.boxes) or not len(after.boxes) or before.track_ids[0] != after.track_ids[0]:
        return None
    return Pair(trouble, video, nearest, troubled, before.boxes[0], after.boxes[0])


def _first_area(index: VideoIndex, video: int, frame: int) -> float:
    boxes = index.annotation(video, frame).boxes
    return float(np.prod(boxes[0, 2:] - boxes[0, :2])) if len(boxes) else 0.0


def light(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> float:
    """Mean grey level inside a box, 0 to 255. pixels (H, W, 3), box (4,) inclusive."""
    return float(_inside(pixels, box).mean())


def sharpness(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> float:
    """Mean difference between neighbouring pixels inside a box, as a share of its mean grey: crisp edges, or grain."""
    grey = _inside(pixels, box).mean(axis=2)
    steps = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return float(steps / 2 / max(grey.mean(), 1.0))


def _inside(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float64]:
    x1, y1, x2, y2 = (max(round(float(value)), 0) for value in box)
    return pixels[y1 : y2 + 1, x1 : x2 + 1].astype(np.float64)


def picture(index: VideoIndex, video: int, frame: int) -> NDArray[np.uint8]:
    """The frame as (H, W, 3) uint8 RGB, as figures take it."""
    return index.load_image(video, frame).permute(1, 2, 0).numpy()


def draw_pairs(index: VideoIndex) -> Figure:
    """Every trouble: the clean object above, the troubled one below, and what changed inside its box."""
    figure, axes = new_figure(7.0, 6.7, 4, 4)
    shares: dict[str, tuple[float, float]] = {}
    for place, trouble in enumerate(TROUBLES):
        pair = find_pair(index, trouble)
        upper, lower = axes[8 * (place // 4) + place % 4], axes[8 * (place // 4) + place % 4 + 4]
        before, after = picture(index, pair.video, pair.clean), picture(index, pair.video, pair.troubled)
        _crop(upper, before, pair.clean_box, GREEN, f"clean, frame {pair.clean}")
        _crop(lower, after, pair.troubled_box, VERMILLION, f"{word(trouble)}, frame {pair.troubled}")
        shares[trouble] = (
            light(after, pair.troubled_box) / light(before, pair.clean_box),
            sharpness(after, pair.troubled_box) / sharpness(before, pair.clean_box),
        )
        change = "light ×{:.2f}\ndetail ×{:.2f}".format(*shares[trouble])
        lower.set_xlabel(change, fontsize=9, color=INK, labelpad=3)
    for spare in (axes[11], axes[15]):
        spare.set_axis_off()
    note = "light: mean grey level\ninside the box\n\ndetail: mean difference\nof neighbouring pixels,\n"
    note += "as a share of the light\n\nboth: troubled / clean"
    text = axes[11].text(0, 0.95, note, fontsize=10, color=GREY, va="top", transform=axes[11].transAxes)
    text.set_in_layout(False)  # or the row would grow with it
    figure.suptitle(_pairs_finding(shares), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    return figure


def _pairs_finding(shares: dict[str, tuple[float, float]]) -> str:
    """Which trouble raises detail most, which lowers it most, which takes the most light. shares: (light, detail)."""
    dark, soft = (min(shares, key=lambda name: shares[name][k]) for k in (0, 1))
    rough = max(shares, key=lambda name: shares[name][1])
    more = shares[rough][1]
    first = f"{word(rough)} adds {'most ' * (sum(s[1] > 1 for s in shares.values()) > 1)}detail (×{more:.2f})"
    if more <= 1:
        first = "no trouble adds detail"
    finding = f"{first}, {word(soft)} takes the most (×{shares[soft][1]:.2f});\n"
    finding += f"{word(dark)} takes the most light (×{shares[dark][0]:.2f})"
    return finding[0].upper() + finding[1:]


def _crop(axes: Axes, pixels: NDArray[np.uint8], box: NDArray[np.float32], colour: str, title: str) -> None:
    """A square around the box; at the border of the frame it is moved inwards."""
    height, width = pixels.shape[:2]
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest")
    side = min(max(_WINDOW, float((box[2:] - box[:2]).max()) + 12), height)
    centre = (box[:2] + box[2:] + 1) / 2
    left = min(max(float(centre[0]) - side / 2, 0), width - side)
    top = min(max(float(centre[1]) - side / 2, 0), height - side)
    axes.set_xlim(left, left + side)
    axes.set_ylim(top + side, top)
    axes.set_xticks([])
    axes.set_yticks([])
    outline(axes, box, colour)
    axes.set_title(title, loc="left", fontsize=9, color=INK, pad=3)


def outline(axes: Axes, box: NDArray[np.float32], colour: str, width: float = 1.8, style: str = "solid") -> None:
    """The edge of an inclusive box: its last pixel belongs to it, so the edge is one further."""
    x1, y1, x2, y2 = (float(value) for value in box)
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1 + 1, y2 - y1 + 1, fill=False, edgecolor=colour, linewidth=width, linestyle=style)
    )


def shares(index: VideoIndex) -> pd.DataFrame:
    """How many frames of a split have each trouble; the most common first, then the clean ones and all."""
    frames = [index.troubles(v, f) for v, record in enumerate(index.videos) for f in range(record.frame_count)]
    counts = Counter(name for words in frames for name in words)
    rows = [(word(name), counts[name]) for name in sorted(TROUBLES, key=lambda name: -counts[name])]
    rows += [("none: clean", sum(not words for words in frames)), ("all frames", len(frames))]
    table = pd.DataFrame(rows, columns=["trouble", "frames"])
    return table.assign(share=[f"{count / len(frames):.0%}" for count in table["frames"]])


def draw_frame(index: VideoIndex, video: int, frame: int) -> Figure:
    """One frame with its boxes; the title tells its troubles."""
    pixels, found = picture(index, video, frame), index.annotation(video, frame)
    figure, (axes,) = new_figure(4.2, 3.1)
    height, width = pixels.shape[:2]
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest")
    for box, label, track, hidden in zip(found.boxes, found.labels, found.track_ids, found.occluded, strict=True):
        outline(axes, box, GREEN, 2.0, "dashed" if hidden else "solid")
        name = f"{index.class_names[int(label)]} #{track}{' (occluded)' if hidden else ''}"
        x1, y1, x2, y2 = (float(value) for value in box)
        add_tag(axes, (x1, y1, x2 + 1, y2 + 1), name, GREEN)
    axes.set_axis_off()
    words = ", ".join(map(word, index.troubles(video, frame))) or "clean"
    heading(axes, f"frame {frame}: {words}")
    return figure
