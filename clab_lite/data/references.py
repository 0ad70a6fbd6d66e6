"""Which frames support a key frame: the samplers of the official code, as pure functions.

Frames are numbered from 0. The results equal `goldens/official/sampling.json` (dataset specification,
section 8).
"""

from __future__ import annotations

import random

from clab_lite.errors import DataError


def adaptive_references(frame_count: int, count: int = 14) -> list[int]:
    """`count` frames spread evenly over a whole video, chosen once per video (official test mode).

    Frame i is round(i * (frame_count - 1) / (count - 1)) with Python's rounding to even. A video shorter
    than `count` repeats frames. With `count` = 1, where the official formula divides by zero, the middle
    frame is taken.
    """
    _require_positive(frame_count=frame_count, count=count)
    if count == 1:
        return [(frame_count - 1) // 2]
    stride = float(frame_count - 1) / (count - 1)
    return [round(i * stride) for i in range(count)]


def sliding_references(frame: int, frame_count: int, count: int = 14) -> list[int]:
    """`count` neighbours of `frame`, half before and half after, in time order, without the frame itself.

    Neighbours beyond the ends of the video are its first or last frame again. With the key frame added,
    this is the window of the official fixed-stride mode (30 references: 15 before, the key, 15 after). An
    odd `count` takes the extra neighbour after the key.
    """
    _require_positive(frame_count=frame_count, count=count)
    _require_inside(frame, frame_count)
    before = count // 2
    offsets = [*range(-before, 0), *range(1, count - before + 1)]
    return [min(max(frame + offset, 0), frame_count - 1) for offset in offsets]


def past_references(frame: int, count: int = 14) -> list[int]:
    """The `count` frames right before `frame`, in time order: what is known while a video is being recorded.

    Frames before the start of the video are its first frame again, so frame 0 supports itself.
    """
    _require_positive(count=count)
    _require_not_negative(frame)
    return [max(frame + offset, 0) for offset in range(-count, 0)]


def bilateral_uniform(frame: int, frame_count: int, count: int, frame_range: int, rng: random.Random) -> list[int]:
    """`count` training references: half drawn from the frames before the key, half from those after it.

    Draws without replacement within `frame_range` frames of the key, never the key itself. Where a side has
    too few frames (the ends of a video), the frames that were drawn are repeated in turn until there are
    `count`; for `count` = 2 this is the official rule that a single reference is duplicated. An odd `count`
    draws the extra frame after the key, or before it when the key is the last frame.

    Returns:
        Frame numbers, those before the key first. Empty for a video of one frame (the caller then copies
        the key, where the official code fails later). With `frame_range` = 0 (still images): the key,
        `count` times.
    """
    _require_positive(frame_count=frame_count, count=count)
    _require_inside(frame, frame_count)
    if frame_range < 0:
        raise DataError(f"frame_range is {frame_range}. Use 0 (copies of the key) or a positive number of frames.")
    if frame_range == 0:
        return [frame] * count
    before = list(range(max(0, frame - frame_range), frame))
    after = list(range(frame + 1, min(frame + frame_range, frame_count - 1) + 1))
    extra_before = count % 2 if not after else 0
    share_before = count // 2 + extra_before
    drawn = rng.sample(before, min(share_before, len(before)))
    drawn += rng.sample(after, min(count - share_before, len(after)))
    return [drawn[i % len(drawn)] for i in range(count)] if drawn else []


def _require_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise DataError(f"{name} is {value}. It must be at least 1.")


def _require_not_negative(frame: int) -> None:
    if frame < 0:
        raise DataError(f"frame {frame} is outside the video. Use 0 or more.")


def _require_inside(frame: int, frame_count: int) -> None:
    if not 0 <= frame < frame_count:
        raise DataError(f"frame {frame} is outside the video. Use 0 to {frame_count - 1}.")
