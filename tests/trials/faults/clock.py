"""A clock that jumps an hour, and files from the future."""

from __future__ import annotations

import os
import re
import time
from functools import partial

from clab_lite.training.log import read_log
from trials.faults.child import run
from trials.faults.contents import contents
from trials.faults.judge import Tried, nothing, try_under
from trials.faults.kills import Scene, differences

_HOUR = 3600.0


def jump(seconds: float, after: float) -> None:
    """In a child: let the clock on the wall jump, once it has run for a while."""
    real, begun = time.time, time.monotonic()
    time.time = lambda: real() + (seconds if time.monotonic() - begun > after else 0.0)  # type: ignore[assignment]


def clock_jumps(scene: Scene) -> Tried:
    """Forwards and backwards in the middle of the work; the seconds of a log never run backwards."""
    tried = Tried()
    for seconds in (_HOUR, -_HOUR):
        meddle = partial(jump, seconds, scene.ended.seconds / 2)
        what = f"the clock jumps {seconds:+.0f} s"
        try_under(scene, what, tried, nothing, nothing, meddle=meddle, must_end=False)
        for log in scene.place.glob("*/log.jsonl"):
            times = [row["seconds"] for row in read_log(log)]
            if times != sorted(times) or times[0] < 0:
                tried.survived -= 1
                tried.complaints.append(f"{scene.command.name}, {what}: seconds {times}")
    return tried


def files_from_the_future(scene: Scene) -> Tried:
    """Annotations that carry a time of tomorrow; one is then changed and carries a time of the past.

    The command must see the change, though an index with newer times is there: its result is that without any index.
    """
    tried, results, now = Tried(), [], time.time()
    for kept in (True, False):
        place = scene.reset()
        files = sorted((place / "data").rglob("*.xml"))
        for file in files:
            os.utime(file, (now + 24 * _HOUR,) * 2)
        run(scene.command.words, place)
        changed = next(file for file in files if "val" in file.parts)
        changed.write_text(
            re.sub(r"<ymax>(\d)", lambda digit: f"<ymax>{2 if digit[1] == '1' else 1}", changed.read_text())
        )
        os.utime(changed, (now - 24 * _HOUR,) * 2)
        for index in () if kept else (place / "data/.clab_lite").glob("*"):
            index.unlink()
        ended = run(scene.command.words, place)
        results.append((ended.status, contents(place)))
    (status, found), (other, expected) = results
    wrong = [] if status == other else [f"status {status}, without an index {other}"]
    tried.add(f"{scene.command.name}, files from the future", "done", wrong + differences(found, expected))
    return tried
