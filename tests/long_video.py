"""Detect in a long video of small frames; print the process's peak memory in kB half way and at the end.

python tests/long_video.py FOLDER FRAMES none|video
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from seeing_detector import seeing_detector
from video_clips import write_clip

from clab_lite.detect import detect
from clab_lite.media.open_source import open_source


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(folder: Path, frames: int, draw: str) -> None:
    clip = write_clip(folder / "long.mp4", frames, keys=250)
    trained, peaks = seeing_detector(), []
    found = trained.detector.detect_remembered

    def measured(*arguments: object, **named: object) -> list[dict]:
        peaks.append(peak() if len(peaks) == frames // 2 else 0)
        return found(*arguments, **named)

    trained.detector.detect_remembered = measured  # type: ignore[method-assign]
    done = detect(trained, open_source([clip]), folder / "out", references="sliding", draw=draw)  # type: ignore[arg-type]
    assert done.frames == len(peaks) == frames
    print(peaks[frames // 2], peak())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
