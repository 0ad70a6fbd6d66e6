"""Every object of some videos, found twice: by its frame alone, and with references. Where do they help?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.lessons.references.pictures import SMALL, fixed_figure, place
from clab_lite.lessons.references.scene import Scene
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, quiet
from clab_lite.trained import Trained

_STEP = 0.05
"""Scores that differ by less count as the same."""
_SOME = 3
"""Clean frames that a video needs to be shown as an example."""
_FEWEST = 5
"""With fewer videos there is no interval."""


def survey(trained: Trained, index: VideoIndex, videos: Sequence[int]) -> pd.DataFrame:
    """Detect in every frame of some videos, alone and with the configured references.

    Returns:
        A row per annotated object and frame: video, frame, item (row of the frame's ground truth), class_name,
        troubles (comma-separated), alone and with_references (score of the best right detection, 0 when it is
        missed), gain (their difference).
    """
    rows = []
    for video in videos:
        scene = Scene(trained, index, video)
        for frame in range(len(scene)):
            alone, joined = scene.pair(frame)
            for item, label in enumerate(scene.truth[frame].labels):
                name = index.class_names[label]
                scores = alone.score(item), joined.score(item)
                rows.append(
                    (video, frame, item, name, ", ".join(scene.troubles[frame]), *scores, scores[1] - scores[0])
                )
    columns = ["video", "frame", "item", "class_name", "troubles", "alone", "with_references", "gain"]
    return pd.DataFrame(rows, columns=columns)


def cases(table: pd.DataFrame, count: int = 4) -> pd.DataFrame:
    """The troubled objects that gain most from references, at most one of a video; then those that lose most."""
    one = table[table.troubles != ""].sort_values("gain", ascending=False, kind="stable")
    best = one.drop_duplicates("video").head(count)
    worst = table.sort_values("gain").drop_duplicates("video").head(count)
    return pd.concat([best, worst[worst.gain < 0]], keys=["helped", "hurt"], names=["references", ""])


def best_case(table: pd.DataFrame) -> tuple[int, int, int]:
    """(video, frame, item) of an example: the troubled object that gains most, or any where there is none such.

    Its video has a few clean frames, from which there is something to borrow, and no noise: pictures of grain are so
    large that a notebook could not keep them.
    """
    clean = table[table.troubles == ""].groupby("video").frame.nunique()
    grainy = table[table.troubles.str.contains("noise")].video
    wanted = (table.troubles != "") & table.video.isin(clean[clean >= _SOME].index) & ~table.video.isin(grainy)
    rows = table[wanted] if wanted.any() else table
    row = rows.sort_values("gain", ascending=False, kind="stable").iloc[0]
    return int(row.video), int(row.frame), int(row["item"])


def clear_objects(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Objects without trouble that their frame alone finds best, one of a video: fit to be troubled."""
    clean = table[table.troubles == ""].sort_values("alone", ascending=False, kind="stable")
    return clean.drop_duplicates("video").head(count)


def mean_gain(table: pd.DataFrame, draws: int = 2000) -> tuple[float, tuple[float, float] | None]:
    """Mean gain and its 95 % interval: videos drawn again and again (bootstrap); None with fewer than five videos."""
    per_video = table.groupby("video").gain.agg(["sum", "count"]).to_numpy(float)
    mean = float(per_video[:, 0].sum() / per_video[:, 1].sum())
    if len(per_video) < _FEWEST:
        return mean, None
    drawn = per_video[np.random.default_rng(0).integers(0, len(per_video), (draws, len(per_video)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return mean, (float(low), float(high))


def answer(table: pd.DataFrame) -> str:
    """A sentence for clean and for troubled objects: how many scores rise and fall, and what the interval allows."""
    lines = []
    for name, part in (("Clean", table[table.troubles == ""]), ("Troubled", table[table.troubles != ""])):
        if not len(part):
            continue
        up, _, down = _shares(part)
        mean, interval = mean_gain(part)
        more = "more scores rise than fall" if up > down else "more scores fall than rise" if down > up else (
            "as many scores rise as fall")  # fmt: skip
        if interval is None:
            sure = "too few videos for an interval"
        elif interval[0] <= 0 <= interval[1]:
            sure = f"with {part.video.nunique()} videos we cannot exclude that it is zero"
        else:
            sure = f"with {part.video.nunique()} videos the interval does not hold zero"
        lines.append(f"{name} objects: {more} ({up:.0%}, {down:.0%}); the mean change is {mean:+.3f}, and {sure}.")
    return "\n".join(lines)


def draw_survey(table: pd.DataFrame) -> Figure:
    """Left: every object, its score alone and with references. Right: the mean gain of clean and of troubled ones."""
    groups = {"clean": table[table.troubles == ""], "troubled": table[table.troubles != ""]}
    groups = {name: part for name, part in groups.items() if len(part)}
    figure, height = fixed_figure(4.75, _finding(groups))
    scatter = place(figure, height, 0.65, 0.75, 3.1, 3.1)
    scatter.plot([0, 1], [0, 1], color=INK, linewidth=1)
    styles = {"clean": (BLUE, "o", 16), "troubled": (ORANGE, "^", 22)}
    for name, part in groups.items():
        colour, marker, size = styles[name]
        marks = scatter.scatter(part.alone, part.with_references, s=size, color=colour, marker=marker, label=name)
        marks.set(alpha=0.6, linewidths=0)
    scatter.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    scatter.set_xlabel("score, the frame alone", fontsize=SMALL, color=GREY)
    scatter.set_ylabel("score, with references", fontsize=SMALL, color=GREY)
    scatter.legend(fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    quiet(scatter)
    title = "each mark is an object in a frame; above the line: helped"
    scatter.set_title(title, loc="left", fontsize=SMALL, color=GREY, pad=4)
    _draw_shares(place(figure, height, 5.1, 0.75, 4.2, 1.1), groups)
    _draw_means(place(figure, height, 5.1, 2.65, 4.2, 1.2), groups)
    return figure


def _draw_shares(axes: Axes, groups: dict[str, pd.DataFrame]) -> None:
    for i, part in enumerate(groups.values()):
        shares = _shares(part)
        left = 0.0
        for share, colour in zip(shares, (BLUE, PALE, ORANGE), strict=True):
            axes.barh(i, share, 0.6, left=left, color=colour)
            if share > 0.06:
                ink = "white" if colour == BLUE else INK
                axes.text(left + share / 2, i, f"{share:.0%}", ha="center", va="center", fontsize=SMALL, color=ink)
            left += share
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_xticks([])
    axes.invert_yaxis()
    quiet(axes, grid=False)
    title = f"score up by {_STEP} or more (blue), about the same, down (amber)"
    axes.set_title(title, loc="left", fontsize=SMALL, color=GREY, pad=4)


def _draw_means(axes: Axes, groups: dict[str, pd.DataFrame]) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    for i, part in enumerate(groups.values()):
        mean, interval = mean_gain(part)
        if interval:
            axes.plot(interval, [i, i], color=GREY, linewidth=3, solid_capstyle="round")
        axes.plot(mean, i, "o", color=INK, markersize=7)
        axes.text(mean, i - 0.2, f"{mean:+.3f}", ha="center", va="bottom", fontsize=SMALL, color=INK,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.4, -0.7)
    axes.margins(x=0.15)
    quiet(axes, grid=False)
    title = "mean change of the score, 95 % interval over videos"
    axes.set_title(title, loc="left", fontsize=SMALL, color=GREY, pad=4)


def _shares(part: pd.DataFrame) -> NDArray[np.float64]:
    up, down = (part.gain >= _STEP).mean(), (part.gain <= -_STEP).mean()
    return np.array([up, 1 - up - down, down])


def _finding(groups: dict[str, pd.DataFrame]) -> str:
    parts = [
        f"{_shares(part)[0]:.0%} of {name} objects up, {_shares(part)[2]:.0%} down" for name, part in groups.items()
    ]
    return "References move scores: " + "; ".join(parts)
