"""What a live training needs, prepared in one call: a frozen detector and the features of two sets of videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.weights.cached import Cached, pick_videos, take_features
from clab_lite.lessons.weights.live import LiveSetting, train_live
from clab_lite.lessons.weights.live_board import LiveBoard
from clab_lite.lessons.weights.live_run import LiveRun


@dataclass(frozen=True)
class Workbench:
    """A trained detector whose layers before the last block of C4 stay as they are, and what they say of the videos."""

    detector: VideoDetector
    learn: Cached
    """Videos to train on."""
    held_out: Cached
    """Other videos, to look at."""

    def train(self, setting: LiveSetting, on_snapshot: Callable[[LiveRun], None] | None = None) -> LiveRun:
        """See `clab_lite.lessons.weights.live.train_live`."""
        return train_live(self.detector, self.learn, self.held_out, setting, on_snapshot)

    def board(self, setting: LiveSetting) -> LiveBoard:
        """Controls, a Train button and a player."""
        return LiveBoard(self.detector, self.learn, self.held_out, setting)

    def __repr__(self) -> str:
        names = ", ".join(name.replace("_", " ") for name in self.learn.class_names)
        parts = [
            f"{len(part.inputs)} frames of {len(set(part.video.tolist()))} videos {words}, {len(part.label)} objects"
            for part, words in ((self.learn, "to train on"), (self.held_out, "held out"))
        ]
        shape = " × ".join(str(side) for side in self.learn.inputs.shape[1:])
        return f"{' and '.join(parts)}; classes: {names}; {shape} numbers per frame"


def workbench(
    detector: VideoDetector, learn: VideoIndex, held_out: VideoIndex, classes: int = 6, videos: int = 8
) -> Workbench:
    """Cache the classes with the most videos, `videos` of each to train on and half as many held out.

    Takes some seconds: every second frame goes through the first layers once.
    """
    labels, (first, second) = pick_videos(learn, held_out, classes, videos)
    parts = [take_features(detector, index, chosen, labels) for index, chosen in ((learn, first), (held_out, second))]
    return Workbench(detector, *parts)
