"""Alignment and uniformity as one plane: why neither says much without the other."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from clab_lite.lessons.maps.tables import RELATIVE
from clab_lite.show.style import BLUE, GREEN, GREY, VERMILLION, heading, new_figure, quiet

_COLOURS = (GREY, BLUE, VERMILLION, GREEN)


def draw_plane(scores: pd.DataFrame, by: str) -> tuple[Figure, str]:
    """Each moment as a point: how spread out all rows are (across), how far apart rows of one group (up).

    Args:
        scores: of `tables.scores`.
        by: "class", "video" or "track": the group that shall be close together. Frames have no tracks: their videos
            are taken.

    An arrow leads from the first moment to each other. The line of numbers has the alignment relative to any two rows.
    """
    by = by if by in scores.index.get_level_values("by") else "video"
    rows = scores.loc[by]
    figure, (axes,) = new_figure(7.6, 4.4)
    start = (rows["uniformity"].iloc[0], rows["alignment"].iloc[0])
    for colour, (name, row) in zip(_COLOURS, rows.iterrows(), strict=False):
        place = (row["uniformity"], row["alignment"])
        if place != start:
            axes.annotate(
                "", place, start, arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 6, "shrinkB": 6}
            )
        axes.scatter(*place, s=70, color=colour, zorder=3, label=str(name))
    axes.legend(fontsize=10, frameon=False)
    axes.margins(0.25)
    axes.set_xlabel("uniformity: spread out on the left, all alike at 0", fontsize=10)
    axes.set_ylabel(f"alignment by {by}: close together at 0", fontsize=10)
    heading(axes, plane_finding(scores, by))
    quiet(axes)
    parts = [f"{name} {row[RELATIVE]:.2f}" for name, row in rows.iterrows()]
    return figure, f"alignment by {by} ÷ mean squared distance of any two rows: " + " · ".join(parts)


def plane_finding(scores: pd.DataFrame, by: str) -> str:
    """Who has the smallest alignment, and whether it is the one that tells least apart."""
    rows = scores.loc[by]
    closest, flattest = rows["alignment"].idxmin(), rows["uniformity"].idxmax()
    if closest == flattest:
        return f"“{closest}” has the best alignment by {by},\nbecause all its vectors are alike"
    return f"“{closest}” has the best alignment by {by};\n“{flattest}” is the least spread out"
