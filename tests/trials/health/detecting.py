"""Detecting for hours, in one long video and in many short ones that are stopped half way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from seeing_detector import seeing_detector
from video_clips import write_clip

from clab_lite.detect import detect
from clab_lite.detector.video import References
from clab_lite.errors import DataError
from clab_lite.media.open_source import open_source
from clab_lite.media.source import Frame
from clab_lite.media.video_file import VideoFile
from clab_lite.trained import load_run
from trials.health.meter import Meter
from trials.health.shipped import WEIGHTS, SampleFrames


def detecting(meter: Meter, folder: Path, references: References = "adaptive") -> None:
    """The shipped detector in one long video."""
    trained, done = load_run(WEIGHTS), 0
    found = trained.detector.detect_remembered

    def watched(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        nonlocal done
        results = found(*arguments, **named)
        done += len(results)
        meter.look(done)
        return results

    trained.detector.detect_remembered = watched  # type: ignore[method-assign]
    clip = write_clip(folder / "long.mp4", meter.length, (192, 128), keys=250, frames=SampleFrames())
    detect(trained, open_source([clip]), folder / "out", references=references)


def interrupted(meter: Meter, folder: Path) -> None:
    """Short detections, stopped half way: by Ctrl-C, by a frame that cannot be read, and not at all."""
    trained = seeing_detector()
    clip = write_clip(folder / "short.mp4", 40)
    found, frames = trained.detector.detect_remembered, VideoFile.frames

    def stopping(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        results = found(*arguments, **named)
        signal.raise_signal(signal.SIGINT)
        return results

    def damaged(video: VideoFile) -> Iterator[Frame]:
        yield from islice(frames(video), 20)
        raise DataError.at(video.path, "frame 20", "is damaged", "Record it again.")

    for done in range(1, meter.length + 1):
        trained.detector.detect_remembered = found if done % 3 else stopping  # type: ignore[method-assign]
        VideoFile.frames = frames if done % 3 != 1 else damaged  # type: ignore[method-assign]
        try:
            detect(trained, open_source([clip]), folder / "out")
            ended = "whole"
        except (KeyboardInterrupt, DataError) as error:
            ended = "stopped" if isinstance(error, KeyboardInterrupt) else "damaged"
        if ended != ("stopped", "damaged", "whole")[done % 3]:
            raise AssertionError(f"detection {done} ended as {ended}")
        meter.look(done)


detecting_sliding = partial(detecting, references="sliding")
detecting_past = partial(detecting, references="past")
