"""Pictures of what videos have to do with certainty: frames of a video agree, so drawing frames is too sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from clab_lite.lessons.evaluation.videos import FoundInVideos, likeness, percentiles, worth
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, VERMILLION, heading, new_figure, quiet

_MISSED_TO_FOUND = LinearSegmentedColormap.from_list("missed to found", [VERMILLION, "#f2f2f2", BLUE])


def draw_alike(found: FoundInVideos) -> Figure:
    """One row per video, one cell per frame: share of the frame's objects that are found; worst videos on top."""
    share = found.found_share()
    most = int(np.bincount(found.video_of_frame).max())
    grid = np.full((found.videos, most), np.nan)
    for video in range(found.videos):
        own = share[found.video_of_frame == video]
        grid[video, : len(own)] = own
    known = ~np.isnan(grid)
    means = np.where(known.any(1), np.nansum(grid, 1) / np.maximum(known.sum(1), 1), 2.0)
    figure, (axes,) = new_figure(7.5, float(np.clip(1.2 + 0.07 * found.videos, 2.6, 6.5)))
    picture = axes.imshow(grid[np.argsort(means, kind="stable")], cmap=_MISSED_TO_FOUND, vmin=0, vmax=1, aspect="auto")
    axes.set_xlabel("evaluated frames of the video, in order", fontsize=9, color=GREY)
    axes.set_ylabel("one row per video", fontsize=9, color=GREY)
    axes.set_yticks([])
    axes.set_xticks(range(most))
    quiet(axes, grid=False)
    bar = figure.colorbar(picture, ax=axes, ticks=[0, 0.5, 1])
    bar.set_label("objects found", fontsize=9, color=GREY)
    alike = likeness(share, found.video_of_frame)
    frames = int((~np.isnan(share)).sum())
    if np.isnan(alike):
        heading(axes, "Too few frames or videos to say how alike frames of a video are")
    else:
        text = f"Likeness of two frames of a video {alike:.2f}: {frames} frames are worth"
        heading(axes, f"{text} {worth(frames, found.videos, alike):.0f}")
    return figure


def draw_draws(
    by_frames: Sequence[float], by_videos: Sequence[float], value: float, library: tuple[float, float] | None
) -> Figure:
    """Two histograms of AP50 over draws, with the middle 95 % of each, and the library's interval below.

    Args:
        by_frames, by_videos: AP50 of each draw of frames, and of videos.
        value: AP50 on the data as they are.
        library: the interval of `evaluate`; None when it gives none.
    """
    figure, panels = new_figure(8.5, 4.4, 2, 1, sharex=True, sharey=True)
    lowest, highest = min(*by_frames, *by_videos), max(*by_frames, *by_videos)
    room = max(0.01 - (highest - lowest), 0.0) / 2 + 1e-9  # also where all draws agree
    edges = np.linspace(lowest - room, highest + room, 31).tolist()
    widths = []
    parts = zip(panels, (by_frames, by_videos), ("frames", "videos"), (ORANGE, BLUE), strict=True)
    for axes, values, name, colour in parts:
        low, high = percentiles(values)
        widths.append(high - low)
        axes.hist(values, bins=edges, color=colour, alpha=0.75)
        axes.axvline(value, color=INK, linewidth=1.2)
        axes.axvspan(low, high, color=colour, alpha=0.12)
        quiet(axes)
        heading(axes, f"Drawing {name}: the middle 95 % of the draws is {high - low:.3f} wide")
        axes.set_ylabel("draws", fontsize=9, color=GREY)
    if library is not None:
        top = panels[1].get_ylim()[1]
        panels[1].plot(library, [0.92 * top] * 2, color=INK, linewidth=3, solid_capstyle="butt")
        panels[1].text(library[1], 0.92 * top, "  clab_lite", va="center", fontsize=9, color=INK)
    panels[1].set_xlabel("AP50 of a draw; the line is AP50 of the data as they are", fontsize=9, color=GREY)
    return figure
