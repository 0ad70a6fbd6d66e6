"""Motion IoU of a track: which neighbouring frames count, what each adds, and what that makes of the object's speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.lessons.troubles.gallery import outline, picture
from clab_lite.metrics.matching import paired_iou
from clab_lite.metrics.motion import MOTION_RANGES, motion_iou, motion_range
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, PALE, VERMILLION, heading, new_figure, quiet

SPEED_COLOURS = {"slow": BLUE, "medium": ORANGE, "fast": VERMILLION}


@dataclass(frozen=True)
class Track:
    """One object through one video: T frames, ascending, and its boxes (T, 4), inclusive pixels."""

    video: int
    track_id: int
    class_name: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    frame_count: int
    """Frames of the video; the object may be absent in some."""

    def motion(self, window: int = 10) -> NDArray[np.float64]:
        """(T,) motion IoU of each box over the frames up to `window` away."""
        return motion_iou(self.frames, np.zeros(len(self.frames), np.int64), self.boxes, window)

    def box(self, frame: int) -> NDArray[np.float64]:
        """(4,) where the object is in a frame; DataError where it is absent."""
        place = np.flatnonzero(self.frames == frame)
        if not len(place):
            known = f"{self.frames.min()} to {self.frames.max()}"
            raise DataError(f"track {self.track_id} of video {self.video} is not in frame {frame}. Use one of {known}.")
        return self.boxes[place[0]]


def read_track(index: VideoIndex, video: int, track_id: int = 0) -> Track:
    """One track of a video."""
    frames, boxes, label = [], [], 0
    for frame in range(index.videos[video].frame_count):
        found = index.annotation(video, frame)
        for row in np.flatnonzero(found.track_ids == track_id):
            frames.append(frame)
            boxes.append(found.boxes[row])
            label = int(found.labels[row])
    if not frames:
        raise DataError(f"video {video} has no track {track_id}. Look at index.annotation({video}, 0).track_ids.")
    return Track(
        video, track_id, index.class_names[label], np.array(frames), np.array(boxes, np.float64),
        index.videos[video].frame_count,
    )  # fmt: skip


def all_tracks(index: VideoIndex) -> list[Track]:
    """Every track of a split."""
    found = []
    for video, record in enumerate(index.videos):
        ids = {int(t) for frame in range(record.frame_count) for t in index.annotation(video, frame).track_ids}
        found += [read_track(index, video, track_id) for track_id in sorted(ids)]
    return found


def speed_name(value: float) -> str:
    """slow, medium or fast; on a boundary the slower one."""
    return next(name for name in MOTION_RANGES if motion_range([value], name)[0])


def neighbours(track: Track, frame: int, window: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The other frames within the window that have the object (N,), and the IoU of each with the box in `frame` (N,).

    Boxes count inclusively (+1), as the evaluators' motion IoU does.
    """
    near = (track.frames != frame) & (np.abs(track.frames - frame) <= window)
    boxes = track.boxes[near]
    ious = paired_iou(np.repeat(track.box(frame)[None], len(boxes), 0), boxes, extra=1)
    return track.frames[near], ious.astype(np.float64)


def motion_of(index: VideoIndex, track: Track) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (frame, window): the neighbours' boxes over the frame, and the IoU that each adds."""

    def draw(frame: int = 0, window: int = 10) -> tuple[Figure, str]:
        frames, ious = neighbours(track, frame, window)
        value = float(track.motion(window)[track.frames == frame][0])
        figure, axes = new_figure(8.8, 3.4, 1, 2, width_ratios=[1.15, 1])
        _ghosts(axes[0], index, track, frame, frames)
        _iou_bars(axes[1], track, frame, window, (frames, ious), value)
        heading(axes[0], f"frame {frame} and the boxes of its {len(frames)} neighbours")
        heading(axes[1], f"motion IoU {value:.2f}: {speed_name(value)}")
        outside = 2 * window - len(frames)
        text = f"motion IoU = mean of {len(frames)} IoUs = {value:.3f}: {speed_name(value)}"
        return figure, f"{text}. {outside} of the {2 * window} places in the window hold no box and do not count."

    return draw


def _ghosts(axes: Axes, index: VideoIndex, track: Track, frame: int, frames: NDArray[np.int64]) -> None:
    pixels = picture(index, track.video, frame)
    height, width = pixels.shape[:2]
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest", alpha=0.75)
    for other in frames:
        outline(axes, track.box(int(other)).astype(np.float32), ORANGE, 1.0)
    outline(axes, track.box(frame).astype(np.float32), BLUE, 2.6)
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def _iou_bars(
    axes: Axes, track: Track, frame: int, window: int, near: tuple[NDArray[np.int64], NDArray[np.float64]], value: float
) -> None:
    """One bar per neighbour; the frames of the window that the video does not have are shaded; bands of the speeds."""
    for name, (low, high) in MOTION_RANGES.items():
        axes.axhspan(low, high, color=SPEED_COLOURS[name], alpha=0.10, linewidth=0)
        axes.text(
            frame + window + 0.4, (low + high) / 2, f" {name}", va="center", fontsize=9, color=GREY, clip_on=False
        )
    first, last = frame - window - 0.5, frame + window + 0.5
    for low, high in ((first, -0.5), (track.frame_count - 0.5, last)):
        if high > low:
            axes.axvspan(low, high, facecolor=PALE, alpha=0.7, hatch="///", edgecolor="white", linewidth=0)
            axes.text((low + high) / 2, 0.86, "no such\nframe", ha="center", va="center", fontsize=9, color=GREY)
    axes.bar(near[0], near[1], color=ORANGE, width=0.8)
    axes.axvline(frame, color=BLUE, linewidth=2.4)
    axes.axhline(value, color=INK, linewidth=1.4, linestyle="dashed")
    axes.set_xlim(first, last)
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("frame (blue: the frame itself, dashed: the mean)", fontsize=9, color=GREY)
    axes.set_ylabel("IoU with the box of this frame", fontsize=9, color=GREY)
    quiet(axes, grid=False)


def draw_strips(index: VideoIndex, tracks: Sequence[Track], shown: int = 3) -> Figure:
    """A film strip per track, a few frames each, named A, B, C, ...: for guessing speeds by eye."""
    figure, axes = new_figure(5.2, 1.25 * len(tracks), len(tracks), shown)
    for row, track in enumerate(tracks):
        places = np.linspace(0, len(track.frames) - 1, shown).round().astype(int)
        for column, place in enumerate(places):
            panel, frame = axes[row * shown + column], int(track.frames[place])
            pixels = picture(index, track.video, frame)
            height, width = pixels.shape[:2]
            panel.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest")
            outline(panel, track.boxes[place].astype(np.float32), ORANGE, 1.8)
            panel.set_axis_off()
            panel.set_title(f"{chr(65 + row)}: {track.class_name}, frame {frame}" if not column else f"frame {frame}",
                            loc="left", fontsize=9, color=INK, pad=2)  # fmt: skip
    return figure


def describe(tracks: Sequence[Track]) -> pd.DataFrame:
    """Why each track has its speed: how far its centre gets from where it started, and how its box changes size."""
    rows = []
    for row, track in enumerate(tracks):
        centres, sizes = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2, track.boxes[:, 2:] - track.boxes[:, :2] + 1
        travel = np.hypot(*(centres - centres[0]).T).max()
        widths, heights = (f"{side.min():.0f} to {side.max():.0f}" for side in sizes.T)
        value = float(track.motion().mean())
        name = f"{chr(65 + row)}: {track.class_name}"
        rows.append((name, f"{travel:.0f}", widths, heights, f"{value:.2f}", speed_name(value)))
    columns = ["object", "farthest from its start", "width", "height", "motion IoU", "speed"]
    return pd.DataFrame(rows, columns=columns)


def draw_speeds(tracks: Sequence[Track], title: str = "") -> Figure:
    """How the boxes of a split spread over motion IoU, coloured by speed."""
    values = np.concatenate([track.motion() for track in tracks])
    names = [speed_name(float(value)) for value in values]
    figure, (axes,) = new_figure(7.4, 2.7)
    edges = np.linspace(0, 1, 41).tolist()
    for name in MOTION_RANGES:
        axes.hist(values[np.array(names) == name], bins=edges, color=SPEED_COLOURS[name])
    axes.set_xlabel("motion IoU of a box" + (f" ({title})" if title else ""), fontsize=10)
    axes.set_ylabel("boxes", fontsize=10)
    axes.set_xlim(0, 1)
    quiet(axes)
    shares = {name: names.count(name) / len(names) for name in MOTION_RANGES}
    axes.legend(
        handles=[Patch(color=SPEED_COLOURS[name], label=name) for name in MOTION_RANGES], frameon=False, fontsize=9
    )
    heading(axes, "Of the boxes, " + ", ".join(f"{share:.0%} are {name}" for name, share in shares.items()))
    return figure
