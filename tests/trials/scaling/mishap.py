"""`clab-lite` in a group of processes one of which comes to grief. Started by `trials.scaling.losses`.

usage: mishap.py WHAT RANK STEP MARK WORDS...   (WORDS: of the command line, of `clab-lite train`)

WHAT happens to RANK at its STEP-th step (0-based), once: kill (SIGKILL to itself), term (SIGTERM to itself), broken (a
frame cannot be read). MARK: a file that is made when it happens; with it nothing happens any more.
count: nothing happens; each process writes the bytes of a step into MARK.<rank>.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from clab_lite import cli, distributed, train
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from trials.scaling.traffic import Traffic


def main() -> int:
    """The exit status of the command."""
    what, rank, step, mark, words = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:]
    plain_step, plain_image, last_step = train._Run._step, VideoIndex.load_image, [-1]

    def due(*kinds: str) -> bool:
        here = what in kinds and distributed.rank() == rank and last_step[0] >= step and not mark.exists()
        if here:
            mark.touch()
        return here

    traffic = Traffic(mark.with_suffix(f".{os.environ['RANK']}")) if what == "count" else None

    def watched_step(run: Any, iteration: int, *batch: Any) -> tuple[float, float]:
        last_step[0] = iteration
        if traffic is not None:
            traffic.look(iteration)
        if due("kill", "term"):
            os.kill(os.getpid(), signal.SIGKILL if what == "kill" else signal.SIGTERM)
        return plain_step(run, iteration, *batch)

    def watched_image(index: VideoIndex, video: int, frame: int) -> Tensor:
        if due("broken"):
            raise DataError.at("frame.JPEG", "", "is cut short", "Restore the file.")
        return plain_image(index, video, frame)

    train._Run._step = watched_step  # type: ignore[method-assign]
    VideoIndex.load_image = watched_image  # type: ignore[method-assign]
    return cli.main(words)


if __name__ == "__main__":
    sys.exit(main())
