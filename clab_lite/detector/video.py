"""Detect a whole video: which frames are remembered, and when. Every video of the library goes through here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count as count_from
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from clab_lite.data.read_ahead import load_ahead
from clab_lite.data.references import adaptive_references, past_references, sliding_references
from clab_lite.data.transforms import pad_to_multiple
from clab_lite.detector.finite import frame_named
from clab_lite.detector.memory import FrameMemory
from clab_lite.errors import DataError

References = Literal["adaptive", "sliding", "past"]
"""adaptive: frames spread evenly over the video, remembered once (official). sliding: those around each key frame.
past: those right before each key frame, never a later one, as for a camera that is running."""


@dataclass(frozen=True)
class PreparedFrame:
    """One frame as the detector takes it.

    pixels: (3, H, W) float32, normalised, zeros at the right and bottom up to a multiple of 16.
    image_size: (height, width) before padding. scale: (x, y) factors from original to resized pixels.
    """

    pixels: Tensor
    image_size: tuple[int, int]
    scale: tuple[float, float]

    @classmethod
    def pad(cls, frame: Tensor, scale: tuple[float, float] = (1.0, 1.0)) -> PreparedFrame:
        """From a normalised frame (3, h, w)."""
        height, width = frame.shape[-2:]
        return cls(pad_to_multiple(frame), (height, width), scale)


class Detector(Protocol):
    """What detecting a video needs of a detector; `VideoDetector` has it."""

    def remember(self, frames: Tensor, image_sizes: Sequence[tuple[int, int]]) -> FrameMemory: ...

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[tuple[int, int]],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]: ...


def detect_frames(
    detector: Detector,
    load: Callable[[int], PreparedFrame],
    frame_count: int,
    references: References = "adaptive",
    count: int = 14,
    *,
    keys: Sequence[int] | None = None,
    threads: int = 0,
    at_once: int = 1,
) -> Iterator[dict[str, Tensor]]:
    """Detections in a video whose frames can be asked for by number, in order.

    Args:
        detector: in eval mode.
        load: frame number -> the frame. Called once per frame, when the frame is first needed; a frame is kept
            until it was detected. All frames must be of one padded size.
        frame_count: frames of the video.
        references: how reference frames are chosen. Each is remembered once, also where a short video repeats it.
        count: reference frames, at least 1.
        keys: the frames to detect in, ascending (adaptive references only); None is all of them. The references are
            chosen from the whole video either way.
        threads: call `load` in so many threads, ahead of the need; 0 calls it in this one.
        at_once: key frames computed together (adaptive references only).

    Yields:
        {"boxes", "scores", "labels"} per key frame, boxes in pixels of the original frame (see `PreparedFrame.scale`).
    """
    if references not in get_args(References) or count < 1:
        names = ", ".join(get_args(References))
        raise ValueError(f"references={references!r}, count={count}: choose one of {names}, and count >= 1.")
    if keys is not None and references != "adaptive":
        raise ValueError(f"keys with references={references!r}: a window needs every frame. Leave keys out.")
    if frame_count == 0:
        return
    wanted = range(frame_count) if keys is None else keys
    first = adaptive_references(frame_count, count) if references == "adaptive" else []
    with closing(load_ahead(load, dict.fromkeys([*first, *wanted]), threads)) as arriving:
        waiting: dict[int, PreparedFrame] = {}

        def frame(number: int) -> PreparedFrame:
            while number not in waiting:
                waiting.update([next(arriving)])
            return waiting[number]

        def in_order() -> Iterator[PreparedFrame]:
            for number in wanted:
                yield frame(number)
                del waiting[number]

        if references == "adaptive":
            memory = remember_frames(detector, first, ((number, frame(number)) for number in dict.fromkeys(first)))
            found = detect_with_memory(detector, in_order(), memory, at_once, wanted)
        else:
            found = detect_in_windows(detector, in_order(), references, count)
        for together in found:
            yield from together


def detect_video(
    detector: Detector, video: Sequence[Tensor], references: References, count: int
) -> Iterator[dict[str, Tensor]]:
    """`detect_frames` of normalised frames (3, h, w) of one size, not yet padded; boxes in pixels of these frames.

    `video` is any sequence; a frame is read once, when it is needed.
    """
    return detect_frames(detector, lambda number: PreparedFrame.pad(video[number]), len(video), references, count)


def remember_frames(
    detector: Detector, wanted: Sequence[int], frames: Iterable[tuple[int, PreparedFrame]]
) -> FrameMemory:
    """The memory of the `wanted` frames, in that order.

    Args:
        detector: in eval mode.
        wanted: frame numbers; a repeated one is remembered once and counts as often as it is named.
        frames: (number, frame) of each of them once, in any order. One is held at a time.
    """
    remembered = {}
    for number, frame in frames:
        with frame_named([number]):
            remembered[number] = detector.remember(frame.pixels[None], [frame.image_size])
    return FrameMemory.join([remembered[number] for number in wanted])


def detect_with_memory(
    detector: Detector,
    frames: Iterable[PreparedFrame],
    memory: FrameMemory,
    at_once: int = 1,
    numbers: Iterable[int] | None = None,
) -> Iterator[list[dict[str, Tensor]]]:
    """Detections of the arriving frames with one memory for all of them, in lists of `at_once` frames.

    numbers: of the frames, for messages; None counts from 0.
    """
    number = iter(count_from() if numbers is None else numbers)
    for together in _grouped(frames, at_once):
        sizes, scales = [frame.image_size for frame in together], [frame.scale for frame in together]
        with frame_named([next(number) for _ in together]):
            own = detector.remember(torch.stack([frame.pixels for frame in together]), sizes)
            found = detector.detect_remembered(own, memory, sizes, scales)
        yield found


def _grouped(frames: Iterable[PreparedFrame], most: int) -> Iterator[list[PreparedFrame]]:
    """Lists of `most` frames, the last of what is left; so, too, before the error of one that cannot be read."""
    group: list[PreparedFrame] = []
    try:
        for frame in frames:
            group.append(frame)
            if len(group) == most:
                yield group
                group = []
    except DataError:
        if group:
            yield group
        raise
    if group:
        yield group


def detect_in_windows(
    detector: Detector, frames: Iterable[PreparedFrame], references: Literal["sliding", "past"], count: int
) -> Iterator[list[dict[str, Tensor]]]:
    """Detections of the arriving frames, in lists of one, with a memory of its neighbours for each.

    A frame is remembered once, when it arrives. Nothing but the window is held, so the video may be of any
    length, known or not.

    Args:
        detector: in eval mode.
        frames: of one padded size, in order.
        references: "sliding" waits for the frames after the key; "past" does not.
        count: frames of a window.
    """
    before = count if references == "past" else count // 2
    ahead = count - before
    arriving, waiting = iter(frames), deque[PreparedFrame]()
    remembered: dict[int, FrameMemory] = {}
    key = arrived = 0
    while True:
        while arrived <= key + ahead and (frame := next(arriving, None)) is not None:
            with frame_named([arrived]):
                remembered[arrived] = detector.remember(frame.pixels[None], [frame.image_size])
            waiting.append(frame)
            arrived += 1
        if not waiting:
            return
        # So far as the frames have arrived; where they end, both rules repeat the last one.
        window = past_references(key, count) if references == "past" else sliding_references(key, arrived, count)
        memory = FrameMemory.join([remembered[number] for number in window])
        frame = waiting.popleft()
        with frame_named([key]):
            found = detector.detect_remembered(remembered[key], memory, [frame.image_size], [frame.scale])
        yield found
        remembered.pop(key - before, None)
        key += 1
