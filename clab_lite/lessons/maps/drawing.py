"""Two maps side by side as one figure: points, tracks as paths, what is selected, and its pictures below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from clab_lite.embeddings import EmbeddingTable
from clab_lite.lessons.maps.album import Album
from clab_lite.lessons.maps.colours import Colouring, few
from clab_lite.show.style import GREY, INK, PALE, PlainFigure

Points = NDArray[np.float32]
"""(N, 2) coordinates on a map."""


@dataclass(frozen=True)
class MapPanel:
    """One map."""

    name: str
    points: Points
    note: str = ""
    """A line under the name, for example scores."""


def draw_maps(
    panels: Sequence[MapPanel],
    table: EmbeddingTable,
    colours: Colouring,
    *,
    finding: str = "",
    selected: Sequence[int] = (),
    album: Album | None = None,
    tracks: bool = True,
) -> Figure:
    """Maps of the same rows side by side.

    Args:
        panels: the maps; row i is the same object in each.
        table: what the rows are.
        colours: their groups. Where groups would share colours, a few of them are drawn in colour, the others pale.
        finding: what there is to see; the figure's title.
        selected: rows with a dark rim; the others fade.
        album: shows the selected rows' pictures under the maps.
        tracks: join the rows of a track in the order of frames.

    Axes have no units, and different maps have different axes: who lies beside whom can be read, not where.
    """
    sheet = album is not None and len(selected) > 0
    colours = few(colours, selected)
    lines = max(panel.note.count("\n") + bool(panel.note) for panel in panels)
    figure = PlainFigure(figsize=(9.5, 5.2 + 0.9 * sheet + 0.15 * lines), layout="constrained", facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.11)  # room between the finding and the maps' names
    grid = figure.add_gridspec(1 + sheet, len(panels), height_ratios=[1, 0.16][: 1 + sheet])
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(grid[0, i])
        axes.set_title(panel.name, loc="left", fontsize=11, color=INK, pad=6 + 13 * lines)
        axes.text(0, 1.01, panel.note, transform=axes.transAxes, fontsize=9, color=GREY, va="bottom")
        _map(axes, panel.points, table, colours, selected, tracks)
    if sheet and album is not None:
        _sheet(figure.add_subplot(grid[1, :]), album, selected)
    if finding:
        figure.suptitle(finding, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    legend(figure, colours)
    return figure


def tracks_of(table: EmbeddingTable) -> list[NDArray[np.int64]]:
    """Rows of each track (frames: of each video) in the order of frames."""
    keys = table.groups("track" if table.level == "object" else "video")
    frames = table.table["frame"].to_numpy()
    paths = [np.flatnonzero(keys == key) for key in np.unique(keys)]
    return [rows[np.argsort(frames[rows], kind="stable")] for rows in paths]


def bounded(points: Points) -> Points:
    """Moved and scaled into -1 to 1, the same scale in both directions: shapes stay."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    return ((points - (low + high) / 2) / half).astype(np.float32)


def _map(
    axes: Axes, points: Points, table: EmbeddingTable, colours: Colouring, selected: Sequence[int], tracks: bool
) -> None:
    bare(axes)
    points = bounded(points)
    shades = np.asarray(colours.colours)
    chosen = np.zeros(len(points), bool)
    chosen[list(selected)] = True
    faint = 0.25 if chosen.any() else 0.85
    if tracks:
        paths = tracks_of(table)
        strong = [0.9 if chosen[rows].any() else 0.35 * faint for rows in paths]
        lines = LineCollection([points[rows] for rows in paths], colors=[shades[rows[0]] for rows in paths])
        lines.set(alpha=strong, linewidth=1.0, zorder=1)
        axes.add_collection(lines)
    size = float(np.clip(7000 / max(len(points), 1), 8, 36))
    across, down = points.T
    for rows, alpha, above in ((~chosen & (shades == PALE), 0.85, 1.5), (~chosen & (shades != PALE), faint, 2)):
        axes.scatter(across[rows], down[rows], s=size, c=shades[rows], alpha=alpha, linewidths=0, zorder=above)
    axes.scatter(across[chosen], down[chosen], s=size * 1.6, c=shades[chosen], linewidths=1.0, edgecolors=INK, zorder=3)
    axes.set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal")


def bare(axes: Axes) -> None:
    """A frame without ticks: a map's axes have no units."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(PALE)


def _sheet(axes: Axes, album: Album, selected: Sequence[int]) -> None:
    pixels, shown = album.sheet(selected, lines=1)
    axes.imshow(pixels, interpolation="none")
    axes.set_axis_off()
    some = f"{len(shown)} of the {len(selected)}" if len(shown) < len(selected) else f"the {len(selected)}"
    axes.set_title(f"{some} selected (dark rims), by video, track and frame", loc="left", fontsize=9, color=GREY)


def legend(figure: Figure, colours: Colouring) -> None:
    """A dot, a name and a number of rows for each group, under the figure."""
    counts = {name: int((colours.names == name).sum()) for name in colours.palette}
    handles = [
        Line2D([], [], linestyle="", marker="o", color=colour, label=f"{name} ({counts[name]})", markersize=7)
        for name, colour in colours.palette.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 6),
        frameon=False,
        fontsize=9,
        handletextpad=0.1,
        columnspacing=1.2,
    )
