"""Several objects under growing trouble: their scores, and the weight that the key frame keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.lessons.references.damage import KINDS, damage, damage_of
from clab_lite.lessons.references.pictures import SMALL, fixed_figure, place
from clab_lite.lessons.references.scene import Scene
from clab_lite.lessons.references.trouble_lab import attention
from clab_lite.show.style import BLUE, GREEN, GREY, ORANGE, PURPLE, quiet
from clab_lite.trained import Trained

Curves = dict[str, NDArray[np.float64]]
"""Kind of trouble -> (objects, strengths, 7): strength, score alone, score with references, SELSA's attention to the
key frame, temporal weight of the region itself and of the key frame's map; the last two again at an even spread."""
_LINES = {
    1: (ORANGE, "o--", "alone"),
    2: (BLUE, "s-", "with references"),
    3: (GREEN, "^-", "SELSA, layer 1"),
    4: (PURPLE, "D-", "temporal: itself + map"),
}


def sweep(scene: Scene, frame: int, item: int, kind: str, strengths: Sequence[float]) -> NDArray[np.float64]:
    """(N, 7), the columns of `Curves`, of object `item` of one key frame under one kind of trouble."""
    box = scene.truth[frame].boxes[item]
    rows = []
    for strength in strengths:
        image = damage(scene.images[frame], box, **damage_of(kind, strength))
        alone, joined = scene.pair(frame, image=image)
        selsa, temporal = attention(joined, joined.region_of(item))
        key = joined.distinct().index(frame)
        kept = temporal[0] + temporal[1 + key]
        copies, count = joined.frames.count(frame), len(joined.frames)
        even = (copies / count, (copies + 1) / (count + 1))
        rows.append((strength, alone.score(item), joined.score(item), selsa[key], kept, *even))
    return np.array(rows)


def sweeps(trained: Trained, index: VideoIndex, objects: pd.DataFrame, strengths: Sequence[float]) -> Curves:
    """Every kind of trouble on every object of a table with the columns video, frame and item."""
    found: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in KINDS}
    for video, frame, item in objects[["video", "frame", "item"]].itertuples(index=False):
        scene = Scene(trained, index, int(video))
        for kind in KINDS:
            found[kind].append(sweep(scene, int(frame), int(item), kind, strengths))
    return {kind: np.stack(rows) for kind, rows in found.items()}


def telling(trained: Trained, index: VideoIndex, objects: pd.DataFrame, strength: float = 0.8) -> pd.Series:
    """The row of the object to which references add most under motion blur: an example, no average."""
    gains = []
    for video, frame, item in objects[["video", "frame", "item"]].itertuples(index=False):
        scene = Scene(trained, index, int(video))
        _, alone, joined, *_ = sweep(scene, int(frame), int(item), KINDS[0], [strength])[0]
        gains.append(joined - alone)
    return objects.iloc[int(np.argmax(gains))]


def draw_sweeps(curves: Curves) -> Figure:
    """Above the scores, below the weight of the key frame: mean, and range over the objects."""
    gains = {kind: float((rows[..., 2] - rows[..., 1]).mean()) for kind, rows in curves.items()}
    text = ", ".join(f"{kind} {gain:+.2f}" for kind, gain in gains.items())
    figure, height = fixed_figure(5.1, f"References add to the score, on average: {text}")
    wide = 8.6 / len(curves)
    objects = len(next(iter(curves.values())))
    for i, (kind, rows) in enumerate(curves.items()):
        left = 0.55 + i * (wide + 0.1)
        upper, lower = (place(figure, height, left, top, wide - 0.25, 1.6) for top in (0.75, 2.85))
        _draw_lines(upper, rows, (1, 2))
        _draw_lines(lower, rows, (3, 4))
        for column, drawn in ((3, 5), (4, 6)):
            lower.axhline(rows[..., drawn].mean(), color=_LINES[column][0], linewidth=1.2, linestyle=(0, (5, 3)))
        upper.set_ylim(-0.03, 1.05)
        lower.set_ylim(0, 1.3 * float(max(r[..., 3:].max() for r in curves.values())))
        lower.yaxis.set_major_formatter("{x:.0%}")
        lower.set_xlabel(f"strength of the {kind}", fontsize=SMALL, color=GREY)
        if i == 0:
            title = f"score, mean of {objects} objects (pale: from the least to the largest)"
            upper.set_title(title, loc="left", fontsize=SMALL, color=GREY, pad=4)
            title = "weight of the key frame (dashed: an even spread)"
            lower.set_title(title, loc="left", fontsize=SMALL, color=GREY, pad=4)
            upper.legend(fontsize=SMALL, frameon=False, loc="lower left")
            lower.legend(fontsize=SMALL, frameon=False, loc="upper right")
    return figure


def summary(curves: Curves) -> str:
    """Per trouble: where SELSA's mean attention to the key frame and both mean scores go, strength by strength."""
    lines = []
    for kind, rows in curves.items():
        mean = rows.mean(axis=0)
        lines.append(f"{kind}: strength " + ", ".join(f"{strength:.1f}" for strength in mean[:, 0]))
        lines.append("   SELSA's attention " + ", ".join(f"{value:.0%}" for value in mean[:, 3]))
        for column in (1, 2):
            lines.append(f"   score {_LINES[column][2]} " + ", ".join(f"{value:.2f}" for value in mean[:, column]))
    return "\n".join(lines)


def _draw_lines(axes: Axes, rows: NDArray[np.float64], columns: Sequence[int]) -> None:
    for column in columns:
        colour, style, name = _LINES[column]
        mean, low, high = rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0)
        axes.fill_between(mean[:, 0], low[:, column], high[:, column], color=colour, alpha=0.12, linewidth=0)
        axes.plot(mean[:, 0], mean[:, column], style, color=colour, markersize=5, linewidth=2, label=name)
    axes.set_xlim(-0.03, 1.03)
    quiet(axes)
