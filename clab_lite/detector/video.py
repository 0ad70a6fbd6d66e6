"""Detect a whole video: which frames are remembered, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from torch import Tensor
from torch.nn import functional

from clab_lite.data.references import adaptive_references, sliding_references
from clab_lite.detector.memory import FrameMemory

if TYPE_CHECKING:
    from clab_lite.detector.video_detector import VideoDetector

_MULTIPLE = 16


def detect_video(
    detector: VideoDetector, video: Sequence[Tensor], references: Literal["adaptive", "sliding"], count: int
) -> Iterator[dict[str, Tensor]]:
    """Detections of every frame, in order.

    Args:
        detector: in eval mode.
        video: normalised frames (3, h, w) of one size, not yet padded; any sequence, frames are read when needed.
        references: "adaptive" spreads `count` frames evenly over the video and remembers them once (official);
            "sliding" uses the `count` frames around each key frame.
        count: reference frames, at least 1.

    Yields:
        {"boxes", "scores", "labels"} per frame, boxes in pixels of the given frames.
    """
    if references not in ("adaptive", "sliding") or count < 1:
        raise ValueError(f'references={references!r}, count={count}: choose "adaptive" or "sliding", and count >= 1.')
    remembered: dict[int, FrameMemory] = {}
    memory: FrameMemory | None = None
    for position in range(len(video)):
        frame, size = _pad(video[position])
        if references == "sliding" or memory is None:
            adaptive = references == "adaptive"
            wanted = (
                adaptive_references(len(video), count) if adaptive else sliding_references(position, len(video), count)
            )
            remembered = {i: remembered[i] if i in remembered else _remember(detector, video[i]) for i in wanted}
            memory = FrameMemory.join([remembered[i] for i in wanted])
        yield detector.detect(frame, memory, size)


def _remember(detector: VideoDetector, frame: Tensor) -> FrameMemory:
    padded, size = _pad(frame)
    return detector.remember(padded[None], [size])


def _pad(frame: Tensor) -> tuple[Tensor, tuple[int, int]]:
    height, width = frame.shape[-2:]
    padded = functional.pad(frame, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE))
    return padded, (height, width)
