"""Detect a whole video: which frames are remembered, and when. Every video of the library goes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from clab_lite.data.read_ahead import load_ahead
from clab_lite.data.references import adaptive_references, sliding_references
from clab_lite.data.transforms import pad_to_multiple
from clab_lite.detector.memory import FrameMemory

References = Literal["adaptive", "sliding"]
"""adaptive: frames spread evenly over the video, remembered once (official). sliding: those around each key frame."""


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

    def detect(
        self, frame: Tensor, memory: FrameMemory, image_size: tuple[int, int], scale: tuple[float, float]
    ) -> dict[str, Tensor]: ...


def detect_frames(
    detector: Detector,
    load: Callable[[int], PreparedFrame],
    frame_count: int,
    references: References = "adaptive",
    count: int = 14,
    *,
    threads: int = 0,
) -> Iterator[dict[str, Tensor]]:
    """Detections of every frame of a video, in order.

    Args:
        detector: in eval mode.
        load: frame number -> the frame. Called once per frame, when the frame is first needed; a frame is kept
            until it was detected. All frames must be of one padded size.
        frame_count: frames of the video.
        references: how reference frames are chosen. Each is remembered once, also where a short video repeats it.
        count: reference frames, at least 1.
        threads: call `load` in so many threads, ahead of the need; 0 calls it in this one.

    Yields:
        {"boxes", "scores", "labels"} per frame, boxes in pixels of the original frame (see `PreparedFrame.scale`).
    """
    if references not in ("adaptive", "sliding") or count < 1:
        raise ValueError(f'references={references!r}, count={count}: choose "adaptive" or "sliding", and count >= 1.')
    if frame_count == 0:
        return
    first = adaptive_references(frame_count, count) if references == "adaptive" else []
    with closing(load_ahead(load, dict.fromkeys([*first, *range(frame_count)]), threads)) as arriving:
        waiting: dict[int, PreparedFrame] = {}

        def frame(number: int) -> PreparedFrame:
            while number not in waiting:
                waiting.update([next(arriving)])
            return waiting[number]

        def remember(number: int) -> FrameMemory:
            return detector.remember(frame(number).pixels[None], [frame(number).image_size])

        memories = _fixed(remember, first, frame_count) if first else _sliding(remember, frame_count, count)
        for number, memory in enumerate(memories):
            key = frame(number)
            yield detector.detect(key.pixels, memory, key.image_size, scale=key.scale)
            del waiting[number]


def detect_video(
    detector: Detector, video: Sequence[Tensor], references: References, count: int
) -> Iterator[dict[str, Tensor]]:
    """`detect_frames` of normalised frames (3, h, w) of one size, not yet padded; boxes in pixels of these frames.

    `video` is any sequence; a frame is read once, when it is needed.
    """
    return detect_frames(detector, lambda number: PreparedFrame.pad(video[number]), len(video), references, count)


def _fixed(remember: Callable[[int], FrameMemory], wanted: Sequence[int], frame_count: int) -> Iterator[FrameMemory]:
    """The same memory for every frame, joined once."""
    remembered = {number: remember(number) for number in dict.fromkeys(wanted)}
    memory = FrameMemory.join([remembered[number] for number in wanted])
    del remembered
    for _ in range(frame_count):
        yield memory


def _sliding(remember: Callable[[int], FrameMemory], frame_count: int, count: int) -> Iterator[FrameMemory]:
    """A memory of the neighbours of each frame; what two windows share is computed once."""
    remembered: dict[int, FrameMemory] = {}
    for key in range(frame_count):
        window = sliding_references(key, frame_count, count)
        # The key frame is no neighbour of its own, but of the next frame.
        nearby = sorted({*window, key})
        remembered = {number: remembered[number] if number in remembered else remember(number) for number in nearby}
        yield FrameMemory.join([remembered[number] for number in window])
