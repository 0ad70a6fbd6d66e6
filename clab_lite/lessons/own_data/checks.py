"""The checkers of lesson 10: each names the mistake it recognises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong

_KEYS = {"image_id", "category_id", "bbox", "instance_id"}


@checker
def annotation(answer: Callable[..., dict[str, Any] | None]) -> Verdict:
    """`answer(image_id, category_id, corners, track)`: one entry of "annotations"; corners (x1, y1, x2, y2)."""
    entry = answer(7, 2, (50, 20, 86, 52), 4)
    if entry is None:
        return unanswered()
    if not isinstance(entry, dict):
        return wrong(f"return a dictionary, not {type(entry).__name__}.")
    missing, more = sorted(_KEYS - entry.keys()), sorted(entry.keys() - _KEYS)
    if missing:
        also = f" (you wrote {', '.join(more)})" if more else ""
        return wrong(f"these fields are missing: {', '.join(missing)}{also}.")
    known = {
        (50, 20, 86, 52): "those are two corners. A json box is [x, y, width, height].",
        (68, 36, 36, 32): "x and y are the left upper corner, not the middle.",
        (50, 20, 37, 33): "do not add 1: here x2 is the right edge, and width = x2 - x1.",
        (20, 50, 32, 36): "x comes before y, and width before height.",
        (50, 20, 32, 36): "width comes before height.",
    }
    box = tuple(float(value) for value in entry["bbox"])
    if box != (50, 20, 36, 32):
        return wrong(known.get(box, f"bbox {list(box)} should be [50, 20, 36, 32]."))  # type: ignore[arg-type, call-overload]
    if (entry["image_id"], entry["category_id"]) == (2, 7):
        return wrong("image_id and category_id are exchanged.")
    if (entry["image_id"], entry["category_id"], entry["instance_id"]) != (7, 2, 4):
        return wrong("image_id, category_id and instance_id should be 7, 2 and 4: hand the arguments on.")
    return correct("the left upper corner, then width and height.")


@checker
def split(answer: Callable[[list[str]], tuple[Sequence[str], Sequence[str]] | None]) -> Verdict:
    """`answer(names)`: (train, val), about a fifth held out, recordings kept whole. Names are "RECORDING_PART"."""
    names = [f"{place}_{part}" for place in ("hall", "yard", "dock", "gate", "ramp") for part in range(4)]
    given = answer(list(names))
    if given is None:
        return unanswered()
    train, val = (list(part) for part in given)
    if not train or not val:
        return wrong("one side is empty. Hold out about a fifth of the videos.")
    twice = sorted(set(train) & set(val))
    if twice:
        return wrong(f"{twice[0]} is on both sides.")
    lost = sorted(set(names) - set(train) - set(val))
    if lost:
        return wrong(f"{len(lost)} videos are on neither side, {lost[0]} for example.")
    shared = sorted({name.split("_")[0] for name in train} & {name.split("_")[0] for name in val})
    if shared:
        return wrong(f"parts of {shared[0]!r} are on both sides: they look alike. Draw recordings, not videos.")
    if len(val) > len(train):
        return wrong("more is held out than trained on: about a fifth should be held out.")
    if len(val) > 8:
        return wrong(f"{len(val)} of 20 videos are held out: about a fifth is 4.")
    return correct("whole recordings on either side: validation shows places that were never trained on.")


@checker
def hours(answer: Callable[..., float | None]) -> Verdict:
    """`answer(key_frames, epochs, gpus, clips_per_gpu, steps_per_second)`: hours of a training."""
    given = answer(57_834, 7, 8, 2, 1.25)
    if given is None:
        return unanswered()
    right = 57_834 * 7 / 16 / 1.25 / 3600
    known = {
        right * 8: "all GPUs share an epoch: a step takes gpus x clips_per_gpu key frames.",
        right * 2: "each GPU takes clips_per_gpu clips in a step, not one.",
        right * 16: "a step takes gpus x clips_per_gpu key frames, not one.",
        right / 7: "that is one epoch.",
        right * 3600: "those are seconds: divide by 3600.",
        right * 60: "those are minutes: divide by 3600, not by 60.",
        right * 1.25 * 1.25: "divide by the steps per second: more of them are faster.",
        right / 3: "reference frames ride along: only key frames are counted in an epoch.",
        right * 3: "reference frames ride along: only key frames are counted in an epoch.",
    }
    value = float(given)
    if abs(value - right) < 0.01 * right:
        return correct(f"{right:.1f} hours: steps = key frames x epochs / clips of a step, then seconds, then hours.")
    for mistaken, text in known.items():
        if abs(value - mistaken) < 0.01 * mistaken:
            return wrong(text)
    return wrong(f"yours is {value:.2f} hours; that is neither the answer nor a mistake this checker knows.")
