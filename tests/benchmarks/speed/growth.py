"""How time and memory of a key frame grow with references, proposals, frame size and the length of the video."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch

from clab_lite.data.references import adaptive_references
from clab_lite.detector.video import PreparedFrame, detect_with_memory, remember_frames
from speed.alone import alone, megabytes_of
from speed.inference import Ready
from speed.paired import seconds
from speed.parts import PARTS, grown, watched
from speed.scene import Case
from speed.trace import seconds_by_part

REFERENCES = (2, 6, 10, 14, 20, 30)
PROPOSALS = (100, 200, 300, 450, 600)
SIZES = ((192, 288), (256, 384), (320, 480), (448, 672), (600, 1000))
LENGTHS = (30, 60, 120, 240)
SHORT = Case(size=(96, 144), proposals=100)
"""What the length of a video is varied with: small frames, so that hundreds take minutes."""
TURNS = 3


def measure() -> dict[str, Any]:
    """Per quantity a list of {"at", "cpu_s", "expected_cpu_s", "memory_mb"}.

    What is expected follows from the parts of the case in the middle alone: each grows by its own law, `parts.grown`.
    """
    middle = Case()
    ready = Ready.of(middle)
    ours = ready.ours()
    ours()
    runs = [seconds_by_part(ours, watched(ready.detector)) for _ in range(TURNS)]
    parts = {part: sorted(run.get(part, 0.0) for run in runs)[TURNS // 2] for part in PARTS}
    cases = {
        "references": [replace(middle, references=count) for count in REFERENCES],
        "proposals": [replace(middle, proposals=count) for count in PROPOSALS],
        "size": [replace(middle, size=size) for size in SIZES],
    }
    found: dict[str, Any] = {
        name: [{"at": getattr(case, name), **alone(point, case), "expected_cpu_s": grown(parts, middle, case)}
               for case in some]
        for name, some in cases.items()
    }  # fmt: skip
    return {**found, "length": [{"at": length, **alone(video, length)} for length in LENGTHS]}


def point(case: Case) -> dict[str, float]:
    """CPU-seconds (the median) and MB of one key frame, in this process."""
    torch.set_num_threads(1)
    ours = Ready.of(case).ours()
    _, most = megabytes_of(ours)
    times = sorted(seconds(ours)[0] for _ in range(TURNS))
    return {"cpu_s": times[TURNS // 2], "memory_mb": most}


def video(length: int, case: Case = SHORT) -> dict[str, float]:
    """A whole video: CPU-seconds for its references, once, and per frame after that; MB at most."""
    torch.set_num_threads(1)
    detector, frames = case.detector(), [PreparedFrame.pad(frame) for frame in case.frames()]
    chosen = adaptive_references(length, case.references)
    arriving = (frames[number % len(frames)] for number in range(length))
    spent = {}

    def watch() -> None:
        start = time.process_time()
        memory = remember_frames(detector, chosen, ((number, frames[number % len(frames)]) for number in chosen))
        middle = time.process_time()
        for _ in detect_with_memory(detector, arriving, memory):
            pass
        spent.update(once_cpu_s=middle - start, cpu_s=(time.process_time() - middle) / length)

    _, most = megabytes_of(watch)
    return {**spent, "memory_mb": most}
